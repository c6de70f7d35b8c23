"""Many accounts at once, in floating point: the arithmetic of `ballast.model` over arrays.

Arrays are accounts × markets; those of books are laid out market by market (Fortran order), so that numpy's inner loops
run over accounts. Amounts are US dollars, sizes units of the underlying, rates fractions, levels one-sigma losses.
What feeds and markets say comes from the integer model (`Marks`); accounts are found, planned and moved here.
"""
