-- Samples too far from their instant: at most one for each minute of each market.
SELECT market, minute, time_ms
FROM checked
WHERE kind = 'off_instant'
