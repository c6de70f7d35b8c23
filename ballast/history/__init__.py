"""Price histories: bars from files, rounds of real feeds, generated paths, and how a feed publishes them."""
