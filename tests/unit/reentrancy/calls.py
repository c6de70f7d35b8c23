"""A call of every function of the protocol, made of the scene, that goes through when nothing else is under way."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from ballast.chain import Contract, abi
from ballast.chain.abi import Function
from ballast.params import WAD
from tests.unit.reentrancy.scene import BTC, CASH, COIN, ETH, LINK, WBTC, Call, Scene

Arguments = Callable[[Scene], tuple[Any, ...]]


def _same_feed(scene: Scene) -> tuple[Any, ...]:
    oracle = scene.protocol.oracle
    return ETH, oracle.feed_config(ETH), oracle.quote(ETH).price


def _settled(scene: Scene) -> tuple[Any, ...]:
    return scene.short, 0, 0, 0, 0, 0


def _bid(scene: Scene) -> tuple[Any, ...]:
    digest = scene.protocol.markets["LINK"].legs_digest(scene.thin)
    return scene.thin, LINK, WAD, scene.own, 10**24, digest, 10_000 * WAD, []


# State-changing functions, several ways of some; what follows a space in a name says which way
MUTATORS: dict[str, Arguments] = {
    "Vault.transfer_ownership": lambda s: (s.heir,),
    "Vault.open_account": lambda s: (s.keeper,),
    "Vault.set_operator": lambda s: (s.own, s.keeper, 7, 2**39),
    "Vault.transfer_account": lambda s: (s.own, s.keeper),
    "Vault.accept_account": lambda s: (s.offered,),
    "Vault.add_market": lambda s: (s.empty_pool.address,),
    "Vault.set_engine": lambda s: (s.keeper, 3),
    "Vault.set_guardian": lambda s: (s.keeper,),
    "Vault.add_collateral": lambda s: (s.chain.deploy("MockSilentToken", 8, sender=s.deployer).address, WAD),
    "Vault.set_collateral_cap": lambda s: (0, 5 * WAD),
    "Vault.deposit cash": lambda s: (s.own, s.token.address, 70 * CASH),
    "Vault.deposit collateral": lambda s: (s.own, s.coin.address, COIN),
    "Vault.deposit repayment": lambda s: (s.debtor, s.token.address, 70 * CASH),
    "Vault.release_lock": lambda s: (s.own, ETH),
    "Vault.collect_insurance": lambda s: (),
    "Vault.claim": lambda s: (s.attacker,),
    "Vault.withdraw cash": lambda s: (s.own, s.token.address, 70 * CASH, s.attacker),
    "Vault.withdraw cash of another": lambda s: (s.other, s.token.address, 70 * CASH, s.attacker),
    "Vault.withdraw loan": lambda s: (s.debtor, s.token.address, 70 * CASH, s.attacker),
    "Vault.withdraw collateral": lambda s: (s.own, s.coin.address, COIN, s.attacker),
    "Vault.transfer_margin": lambda s: (s.own, [(0, -100 * WAD), (1, 50 * WAD)], WAD, s.attacker),
    "Vault.allocate": lambda s: (s.own, s.attacker, BTC, 100 * WAD),
    "Vault.reallocate": lambda s: (s.own, s.attacker, ETH, BTC, 100 * WAD),
    "Vault.lock_escrow": lambda s: (s.own, s.attacker, 100 * WAD, WAD),
    "Vault.release_escrow": lambda s: (s.own, 505 * WAD, 5 * WAD, s.attacker),
    "Vault.fill_order": lambda s: (s.own, ETH, 500 * WAD, 10 * WAD, 5 * WAD, s.attacker, True),
    "Vault.top_up_pool": lambda s: (ETH, 100 * WAD),
    "Vault.seize_book": lambda s: (s.short, s.own, s.attacker, ETH, WAD // 2, 50 * WAD, 5 * WAD, 20 * WAD),
    "Vault.absorb_book": lambda s: (s.short, BTC),
    "Vault.seize_collateral": lambda s: (s.pressed, s.own, s.attacker, WBTC, WAD // 2, 20_000 * WAD, 9 * WAD),
    "Vault.write_off": lambda s: (s.broke,),
    "Vault.cover_deficit": lambda s: (s.own, ETH, 10 * WAD),
    "Vault.collect_revenue": lambda s: (s.attacker,),
    "Outflow.transfer_ownership": lambda s: (s.heir,),
    "Outflow.set_meter": lambda s: (ETH, 2 * WAD),
    "CollateralModel.transfer_ownership": lambda s: (s.heir,),
    "CollateralModel.set_config": lambda s: (0, s.protocol.collateral_model.config(0)),
    "Exchange.transfer_ownership": lambda s: (s.heir,),
    "Exchange.commit": lambda s: (s.own, [(ETH, WAD, 2**100, 1_000 * WAD)], False),
    "Exchange.execute": lambda s: (s.order, [s.protocol.latest_round("ETH")]),
    "Exchange.void": lambda s: (s.old_order,),
    "Exchange.void_for_liquidation": lambda s: (s.own, [s.order]),
    "Exchange.set_execution_fee": lambda s: (2 * WAD,),
    "Exchange.set_fees": lambda s: (ETH, s.protocol.exchange.fee_config(BTC)),
    "DerivativesMarket.transfer_ownership": lambda s: (s.heir,),
    "DerivativesMarket.trade": lambda s: (s.own, WAD, s.protocol.oracle.quote(ETH).price),
    "DerivativesMarket.reduce": lambda s: (s.own, WAD // 10, 0, 10_000 * WAD),
    "DerivativesMarket.settle": lambda s: (),
    "DerivativesMarket.accrue": lambda s: (),
    "DerivativesMarket.set_config": lambda s: (s.protocol.markets["BTC"].config(),),
    "DerivativesMarket.set_state": lambda s: (1,),
    "LiquidityPool.transfer_ownership": lambda s: (s.heir,),
    "LiquidityPool.transfer": lambda s: (s.keeper, WAD),
    "LiquidityPool.transferFrom": lambda s: (s.attacker, s.keeper, WAD),
    "LiquidityPool.approve": lambda s: (s.keeper, WAD),
    "LiquidityPool.set_quote": lambda s: (ETH, s.protocol.pool.quote_config(BTC)),
    "LiquidityPool.setOperator": lambda s: (s.keeper, True),
    "LiquidityPool.requestDeposit": lambda s: (900 * CASH, s.attacker, s.attacker),
    "LiquidityPool.requestRedeem": lambda s: (900 * WAD, s.attacker, s.attacker),
    "LiquidityPool.execute_request entry": lambda s: (s.entry, s.rounds()),
    "LiquidityPool.execute_request exit": lambda s: (s.exit, s.rounds()),
    "LiquidityPool.void_request": lambda s: (s.old_entry, s.attacker),
    "LiquidityPool.deposit": lambda s: (100 * CASH, s.attacker, s.attacker),
    "LiquidityPool.mint": lambda s: (100 * WAD, s.attacker, s.attacker),
    "LiquidityPool.withdraw": lambda s: (100 * CASH, s.attacker, s.attacker),
    "LiquidityPool.redeem": lambda s: (100 * WAD, s.attacker, s.attacker),
    "LiquidityPool.draw": lambda s: (ETH,),
    "LiquidityPool.seed": lambda s: (1_000 * CASH,),
    "LiquidityPool.set_max_assets": lambda s: (WAD,),
    "LiquidityPool.set_rebalancer": lambda s: (s.protocol.rebalancer.address,),
    "LiquidityPool.set_policy": lambda s: (s.protocol.rebalancer.policy(s.own),),
    "CreditPool.transfer_ownership": lambda s: (s.heir,),
    "CreditPool.transfer": lambda s: (s.keeper, WAD),
    "CreditPool.transferFrom": lambda s: (s.attacker, s.keeper, WAD),
    "CreditPool.approve": lambda s: (s.keeper, WAD),
    "CreditPool.deposit": lambda s: (100 * CASH, s.attacker),
    "CreditPool.mint": lambda s: (100 * WAD, s.attacker),
    "CreditPool.withdraw": lambda s: (100 * CASH, s.attacker, s.attacker),
    "CreditPool.redeem": lambda s: (100 * WAD, s.attacker, s.attacker),
    "CreditPool.accrue": lambda s: (),
    "CreditPool.request_exit": lambda s: (50 * WAD, s.attacker),
    "CreditPool.serve_exits": lambda s: (9,),
    "CreditPool.claim": lambda s: (s.attacker,),
    "CreditPool.collect_reserve": lambda s: (),
    "CreditPool.set_rate_config": lambda s: (s.protocol.credit_pool.rate_config(),),
    "CreditPool.set_limits": lambda s: (10**9 * WAD, WAD),
    "InsuranceFund.transfer_ownership": lambda s: (s.heir,),
    "InsuranceFund.transfer": lambda s: (s.keeper, WAD),
    "InsuranceFund.transferFrom": lambda s: (s.attacker, s.keeper, WAD),
    "InsuranceFund.approve": lambda s: (s.keeper, WAD),
    "InsuranceFund.deposit": lambda s: (100 * CASH, s.attacker),
    "InsuranceFund.mint": lambda s: (100 * WAD, s.attacker),
    "InsuranceFund.withdraw": lambda s: (100 * CASH, s.attacker, s.attacker),
    "InsuranceFund.redeem": lambda s: (100 * WAD, s.attacker, s.attacker),
    "InsuranceFund.request_exit": lambda s: (50 * WAD,),
    "InsuranceFund.cancel_exit": lambda s: (),
    "InsuranceFund.draw": lambda s: (ETH, 10 * WAD),
    "InsuranceFund.set_draw_cap": lambda s: (ETH, WAD),
    "PriceOracle.transfer_ownership": lambda s: (s.heir,),
    "PriceOracle.consume": lambda s: (ETH,),
    "PriceOracle.poke": lambda s: (BTC,),
    "PriceOracle.set_feed_off": lambda s: (ETH, True),
    "PriceOracle.set_feed": _same_feed,
    "PriceOracle.set_sequencer": lambda s: (s.sequencer.address, 3_600),
    "Rebalancer.set_policy": lambda s: (s.own, {**s.protocol.rebalancer.policy(s.own)._asdict(), "min_move": 9 * WAD}),
    "Rebalancer.rebalance_own": lambda s: (s.short,),
    "Rebalancer.transfer_margin": lambda s: (s.own, ETH, 0, 10 * WAD),
    "Rebalancer.rebalance": lambda s: (s.short,),
    "Rebalancer.rebalance_many": lambda s: ([s.short, s.own],),
    "Rebalancer.rescue": lambda s: (s.short,),
    "Liquidator.start": lambda s: (s.weak, LINK, []),
    "Liquidator.start_many": lambda s: (s.weak, [LINK, ETH], []),
    "Liquidator.bid": lambda s: (_bid(s),),
    "Liquidator.bid_many": lambda s: ([_bid(s)],),
    "Liquidator.bid_for_pool": lambda s: (s.thin, LINK, []),
    "Liquidator.stop": lambda s: (s.risen, LINK),
    "CollateralAuctions.start": lambda s: (s.pressed, WBTC, []),
    "CollateralAuctions.bid": lambda s: ((s.owing, WBTC, WAD // 2, s.own, 2**128, []),),
    "CollateralAuctions.stop": lambda s: (s.relieved, WBTC),
    "Deficits.note": lambda s: (s.sunk, LINK),
    "Deficits.realise_deficit": lambda s: (s.sunk, LINK, []),
    "Deficits.realise_debt": lambda s: (s.broke, []),
    "Planner.settled_plan": _settled,
    "Timelock.schedule": lambda s: (*s.proposals["new"], s.delay),
    "Timelock.schedule_batch": lambda s: (*s.batch[:-1], b"\x09" * 32, s.delay),
    "Timelock.cancel": lambda s: (s.protocol.timelock.hash_operation(*s.proposals["taken back"]),),
    "Timelock.execute": lambda s: s.proposals["due"],
    "Timelock.execute_batch": lambda s: s.batch,
    "Timelock.renounceRole": lambda s: (s.protocol.timelock.PROPOSER_ROLE(), s.attacker),
}

# What the attacker cannot do at any time, and why
IMPOSSIBLE = {
    "Vault.set_pool": "set once, and it is",
    "Vault.set_insurance": "set once, and it is",
    "Vault.set_credit_pool": "set once, and it is",
    "Vault.set_collateral_model": "set once, and it is",
    "Outflow.meet": "the vault only",
    "Outflow.release": "the vault only",
    "Outflow.set_vault": "set once, and it is",
    "Deficits.close_pool": "the pool's book is above zero",
    "Exchange.fill": "the exchange itself only",
    "DerivativesMarket.move_margin": "the vault only",
    "DerivativesMarket.seize": "the vault only",
    "DerivativesMarket.absorb": "the vault only",
    "DerivativesMarket.close_pool": "the pool's book is above zero",
    "LiquidityPool.permit": "takes a signature, moves an allowance",
    "CreditPool.set_deficits": "set once, and it is",
    "InsuranceFund.set_deficits": "set once, and it is",
    "CreditPool.permit": "takes a signature, moves an allowance",
    "CreditPool.change_debt": "the vault only",
    "CreditPool.write_off": "the vault only",
    "InsuranceFund.permit": "takes a signature, moves an allowance",
    "Timelock.grantRole": "the timelock itself only",
    "Timelock.revokeRole": "the timelock itself only",
    "Timelock.update_delay": "the timelock itself only",
}

# Functions of the second pool, which nobody has put money into
OF_THE_EMPTY_POOL = ("LiquidityPool.seed", "LiquidityPool.set_rebalancer")


def mutators(scene: Scene) -> dict[str, Call]:
    """The calls of MUTATORS."""
    found = {}
    for name, arguments in MUTATORS.items():
        contract, function = name.split(" ")[0].split(".")
        target = scene.empty_pool if name in OF_THE_EMPTY_POOL else scene.contracts()[contract]
        found[name] = (target, function, arguments(scene))
    return found


def views(scene: Scene) -> dict[str, Call]:
    """Every view of every contract, of the attacker's account and of the pool's, of two markets."""
    found = {}
    for contract in scene.contracts().values():
        for function in _functions(contract):
            if function.is_view:
                for args in _arguments(scene, contract.artifact.name, function):
                    found[f"{contract.artifact.name}.{function.name}{args}"] = (contract, function.name, args)
    return found


def _functions(contract: Contract) -> list[Function]:
    return [each for overloads in contract.artifact.functions.values() for each in overloads.values()]


def _arguments(scene: Scene, contract: str, function: Function) -> list[tuple[Any, ...]]:
    entries = abi.artifact(contract).abi
    inputs = next(
        each["inputs"]
        for each in entries
        if each["type"] == "function" and each["name"] == function.name and len(each["inputs"]) == len(function.inputs)
    )
    return list(product(*(_values(scene, contract, function.name, each) for each in inputs)))


def _values(scene: Scene, contract: str, function: str, parameter: dict[str, Any]) -> list[Any]:
    """What a parameter of that name may mean."""
    kind, name = parameter["type"], parameter["name"]
    accounts = [scene.own, scene.protocol.pool_account]
    if kind.endswith("[]"):
        if kind == "tuple[]" or "order" in name:
            return [[]]
        return [accounts if "account" in name else []]
    if kind == "tuple":
        return [tuple(_values(scene, contract, function, each)[0] for each in parameter["components"])]
    if kind == "address":
        return [scene.attacker]
    if kind == "bool":
        return [False]
    if kind.startswith("bytes"):
        return [bytes(int(kind[5:] or 0))]
    known = {
        "account": accounts,
        "market": [BTC, ETH],
        "feed_id": [BTC, ETH],
        "order": [scene.order],
        "round": [scene.protocol.latest_round("ETH")],
        "index": [0, 1],
        "markets": [1 << ETH],
        "right": [7],
        "requestId": [scene.entry, scene.exit],
    }
    if name == "id":
        return {"Vault": [BTC, ETH], "Exchange": [scene.order], "LiquidityPool": [scene.entry]}.get(contract, [1])
    return known.get(name, [1 if "uint8" in kind else WAD])


def state(scene: Scene) -> list[Call]:
    """Views that tell all that may have changed: whose what is, at which price, under which rule."""
    protocol, vault, pool = scene.protocol, scene.vault, scene.protocol.pool
    accounts = range(1, vault.account_count() + 1)
    found: list[Call] = [
        (contract, "owner", ()) for contract in scene.contracts().values() if "owner" in contract.artifact.functions
    ]
    for account in accounts:
        of = ("treasury", "collateral_of", "owner_of", "pending_owner", "epoch", "open_orders")
        found += [(vault, name, (account,)) for name in of]
        found += [(market, "book", (account,)) for market in protocol.markets.values()]
        found.append((protocol.rebalancer, "policy", (account,)))
    for market in (BTC, ETH):
        found += [
            (vault, "market", (market,)),
            (protocol.outflow, "meter", (market,)),
            (protocol.oracle, "quote", (market,)),
        ]
        found += [(pool, "quote_config", (market,)), (protocol.exchange, "fee_config", (market,))]
        found += [(protocol.outflow, "lock", (account, market)) for account in accounts]
    for market in protocol.markets.values():
        found += [(market, name, ()) for name in ("funding", "skew", "open_interest", "state", "config")]
    for party in (scene.attacker, scene.trader, scene.keeper, pool.address):
        found += [(vault, "claimable", (party,)), (vault, "roles", (party,)), (pool, "balanceOf", (party,))]
        found += [(pool, name, (party,)) for name in ("maxDeposit", "maxMint", "maxWithdraw", "maxRedeem")]
    for party in (scene.attacker, scene.trader, scene.keeper, pool.address, vault.address, scene.empty_pool.address):
        found += [(token, "balanceOf", (party,)) for token in (scene.token, scene.coin)]
    for request in range(1, pool.request_count() + 2):
        found.append((pool, "request", (request,)))
    for order in range(1, protocol.exchange.order_count() + 2):
        found.append((protocol.exchange, "order", (order,)))
    for name in ("account_count", "market_count", "guardian", "protocol_revenue", "collateral_count"):
        found.append((vault, name, ()))
    found += [(vault, "collateral", (index,)) for index in range(3)]
    found += [(pool, "totalSupply", ()), (pool, "max_assets", ()), (scene.empty_pool, "totalSupply", ())]
    found.append((protocol.collateral_model, "config", (0,)))
    found += _shares(scene, protocol.credit_pool, ("total_debt", "reserve", "borrow_rate", "rate_config", "queue"))
    found += [(protocol.credit_pool, name, ()) for name in ("max_assets", "max_debt", "available", "debt_index")]
    found += [(protocol.credit_pool, "claimable", (scene.attacker,))]
    found += _shares(scene, protocol.insurance_fund, ())
    found += [(protocol.insurance_fund, "drawable", (market,)) for market in (0, BTC, ETH)]
    found += [(protocol.insurance_fund, "exit_of", (scene.attacker,))]
    found += [(protocol.deficits, "insolvencies", ()), (protocol.deficits, "is_noted", (scene.sunk, LINK))]
    found += [(protocol.liquidator, "offer", (account, LINK)) for account in (scene.thin, scene.weak, scene.risen)]
    found += [(protocol.deficits, "is_noted", (scene.broke, 0))]
    for account in (scene.owing, scene.pressed, scene.relieved):
        found.append((protocol.collateral_auctions, "offer", (account, WBTC)))
    timelock = protocol.timelock
    for proposal in scene.proposals.values():
        id_ = timelock.hash_operation(*proposal)
        found += [(timelock, "is_operation_pending", (id_,)), (timelock, "is_operation_done", (id_,))]
    return found


def _shares(scene: Scene, contract: Contract, views: tuple[str, ...]) -> list[Call]:
    """What a contract of shares is worth, and whose its shares are."""
    found: list[Call] = [(contract, name, ()) for name in ("totalSupply", "net_assets", "deficits", *views)]
    for party in (scene.attacker, scene.keeper, contract.address):
        found += [(contract, "balanceOf", (party,)), (contract, "maxRedeem", (party,))]
        found.append((contract, "allowance", (scene.attacker, party)))
    return found
