"""An in-process EVM in which contracts, too, can be callers."""

from __future__ import annotations

from typing import Any

from pyrevm import AccountInfo

from ballast.chain.abi import checksum
from ballast.chain.base import Sender, address_of
from ballast.chain.revm import RevmChain

_STRINGS = checksum("0x" + "57" * 20)  # who speaks through a puppet
_WORD = 32  # [bytes]


class PuppetChain(RevmChain):
    """No transaction may come from an address with code. A puppet's code is replaced: called by its strings it calls on
    what it is told to, called by anyone else it runs the code that it had, in its own storage."""

    def __init__(self) -> None:
        super().__init__()
        self._puppets: set[str] = set()
        self._evm.insert_account_info(_STRINGS, AccountInfo())
        self._evm.set_balance(_STRINGS, 10**24)

    def impersonate(self, address: str) -> str:
        """From now on, this contract's address can send."""
        if address not in self._puppets:
            self._puppets.add(address)
            former = checksum(f"0x{int(address, 16) ^ 1:040x}")
            self._evm.insert_account_info(former, AccountInfo(nonce=1, code=self.code(address)))
            self._evm.insert_account_info(address, AccountInfo(nonce=1, code=_puppet(former)))
        return address

    def _run(self, to: str, data: bytes, sender: Sender, value: int, gas: int, static: bool) -> Any:
        if address_of(sender) in self._puppets:
            target = bytes(_WORD - 20) + bytes.fromhex(to[2:])
            return super()._run(address_of(sender), target + data, _STRINGS, value, gas, static)
        return super()._run(to, data, sender, value, gas, static)


def _puppet(former: str) -> bytes:
    """CALL(calldata[:32], calldata[32:]) for the strings, DELEGATECALL(former, calldata) for the others; the answer or
    the refusal is passed on."""
    delegate = f"365f5f37 5f5f365f 73{former[2:]} 5af4"
    told = "602036 03 80 60205f37 5f5f825f5f 5f35 5af1"
    answer = "3d5f5f3e {} 57 3d5ffd 5b 3d5ff3"
    head = f"3373{_STRINGS[2:]}14 60{{:02x}} 57"

    def size(code: str) -> int:
        return len(code.replace(" ", "")) // 2

    offset = size(head.format(0))
    first = answer.format(f"60{offset + size(delegate) + 10:02x}")
    start = offset + size(delegate) + size(first)
    second = answer.format(f"60{start + 1 + size(told) + 10:02x}")
    return bytes.fromhex(f"{head.format(start)} {delegate} {first} 5b {told} {second}".replace(" ", ""))
