-- Rows of a run's tasks in `ready`, `held` and `delayed`.
SELECT x.n, sum(x.ready)::integer AS ready, sum(x.held)::integer AS held, sum(x.delayed)::integer AS delayed FROM (
    SELECT n, 1 AS ready, 0 AS held, 0 AS delayed FROM ready WHERE run_id = $1
    UNION ALL SELECT n, 0, 1, 0 FROM held WHERE run_id = $1
    UNION ALL SELECT n, 0, 0, 1 FROM delayed WHERE run_id = $1
) AS x GROUP BY x.n ORDER BY x.n
