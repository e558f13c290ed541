-- A minute of a market with more than one sample: there must be none.
SELECT market, minute, count(*) AS samples
FROM samples
GROUP BY market, minute
HAVING count(*) > 1
ORDER BY market, minute
LIMIT 1
