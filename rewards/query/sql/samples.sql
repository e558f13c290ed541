-- How many samples of each kind each market has, and orders in them.
SELECT market, kind, count(*) AS samples, sum(coalesce(cardinality(orders), 0)) AS orders
FROM checked
GROUP BY market, kind
