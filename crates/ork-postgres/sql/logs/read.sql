-- Whole chunks, until the page is full: a chunk is in the page when those before it leave room. The last column says whether
-- another one follows.
SELECT start, line, stream, bytes, more FROM (
    SELECT start, line, stream, bytes, sum(length(bytes)) OVER (ORDER BY start) - length(bytes) AS before,
           lead(start) OVER (ORDER BY start) IS NOT NULL AS more
    FROM (SELECT start, line, stream, bytes FROM logs
          WHERE run_id = $1 AND n = $2 AND attempt = $3 AND start + length(bytes) > $4
              AND ($5::uuid IS NULL OR workspace_id = $5) AND start >= coalesce(
                  (SELECT max(start) FROM logs WHERE run_id = $1 AND n = $2 AND attempt = $3 AND start <= $4), 0)
          ORDER BY start LIMIT 4096) AS piece
) AS page
WHERE before < $6 ORDER BY start
