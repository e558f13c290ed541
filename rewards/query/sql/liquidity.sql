-- Depth over spread and uptime of each account in each market (specification, sections 3.1 to 3.3), in integers: the sums of a sample's sides,
-- the lesser of both, and their sum over the epoch. `term` is what an order adds; it is 0 for one that does not count and for whatever
-- is no sample, and it refuses the query over a malformed order. `identified` refuses a list in which an order occurs twice.
WITH quotes AS (
    SELECT market, minute, kind, status, best_bid, best_ask, unnest(identified(orders)) AS quote
    FROM checked
),
terms AS (
    SELECT
        market,
        minute,
        address(quote['account']) AS account,
        quote['side'] AS side,
        term(market, kind, status, best_bid, best_ask, quote['side'], quote['price'], quote['size']) AS term
    FROM quotes
),
sides AS (
    SELECT
        market,
        minute,
        account,
        coalesce(sum(term) FILTER (WHERE side = 'B'), 0) AS bid,
        coalesce(sum(term) FILTER (WHERE side = 'S'), 0) AS ask
    FROM terms
    GROUP BY market, minute, account
)
SELECT
    market,
    account,
    sum(least(bid, ask)) AS liquidity,
    count(*) FILTER (WHERE least(bid, ask) > 0) AS uptime,
    max(greatest(bid, ask)) AS greatest_side
FROM sides
GROUP BY market, account
