-- Gates of tasks that nobody has decided. Whoever does this holds the heads of the runs, as whoever decides does.
-- `IS NOT DISTINCT FROM` keeps it off the index of all open gates.
UPDATE gates g SET status = 'cancelled', decided_at = $3
FROM unnest($1::uuid[], $2::integer[]) AS s (run_id, n)
WHERE g.run_id = ANY (ARRAY[s.run_id]) AND g.n = s.n AND g.status IS NOT DISTINCT FROM 'open'
RETURNING g.run_id, g.n, g.id, g.attempt, g.round, g.position, g.try, g.step_name, g.kind
