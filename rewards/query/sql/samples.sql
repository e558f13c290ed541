-- How many samples of each kind each market has.
SELECT market, kind, count(*) AS samples
FROM checked
GROUP BY market, kind
