"""An in-process EVM in which a contract can be made to call somebody before it does what it is asked to."""

from __future__ import annotations

from pyrevm import AccountInfo

from ballast.chain import Contract
from ballast.chain.abi import checksum
from ballast.chain.revm import RevmChain


class HookChain(RevmChain):
    """Hooks are code, and no snapshot takes them back."""

    def hook(self, contract: Contract, target: str, data: bytes) -> None:
        """From now on, whoever calls what changes the contract's state calls the target with that data first, whatever
        comes of it. In a view nothing could be changed, and the attempt would burn all gas."""
        address, former = contract.address, checksum(f"0x{int(contract.address, 16) ^ 1:040x}")
        functions = (each for overloads in contract.artifact.functions.values() for each in overloads.values())
        selectors = [bytes(each.selector) for each in functions if not each.is_view]
        self._evm.insert_account_info(former, AccountInfo(nonce=1, code=self.code(address)))
        self._evm.insert_account_info(address, AccountInfo(nonce=1, code=_hooked(former, selectors, target, data)))


def _hooked(former: str, selectors: list[bytes], target: str, data: bytes) -> bytes:
    """For those selectors, CALL(target, data), its outcome dropped; then DELEGATECALL(former, calldata), its answer or
    refusal passed on."""
    size = 5 + 11 * len(selectors) + 4  # of what looks at the selector
    words = [data[at : at + 32].ljust(32, b"\0") for at in range(0, len(data), 32)]
    stores = "".join(f"7f{word.hex()}60{32 * index:02x}52" for index, word in enumerate(words))
    call = bytes.fromhex(f"5b{stores}5f5f60{len(data):02x}5f5f73{target[2:]}5af150")
    looks = "5f3560e01c" + "".join(f"8063{selector.hex()}1461{size:04x}57" for selector in selectors)
    head = bytes.fromhex(f"{looks}61{size + len(call):04x}56") + call
    head += bytes.fromhex(f"5b365f5f375f5f365f73{former[2:]}5af43d5f5f3e")
    return head + bytes.fromhex(f"61{len(head) + 7:04x}573d5ffd5b3d5ff3")
