-- Samples with what they are: valid, one_sided, off_instant, crossed or outage. `sample` refuses the query over a malformed one.
CREATE VIEW checked AS
SELECT
    market,
    minute,
    time_ms,
    sample(epoch, minute, market, time_ms, status, best_bid, best_ask) AS kind,
    status,
    best_bid,
    best_ask,
    orders
FROM samples
