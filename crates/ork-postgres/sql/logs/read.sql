-- Whole chunks, until the page is full: a chunk is in the page when those before it leave room. The last column says whether
-- another one follows.
SELECT position, stream, bytes, more FROM (
    SELECT position, stream, bytes, sum(length(bytes)) OVER (ORDER BY position) - length(bytes) AS before,
           lead(position) OVER (ORDER BY position) IS NOT NULL AS more
    FROM (SELECT position, stream, bytes FROM logs
          WHERE run_id = $1 AND n = $2 AND attempt = $3 AND position >= $4 AND ($5::uuid IS NULL OR workspace_id = $5)
          ORDER BY position LIMIT 4096) AS piece
) AS page
WHERE before < $6 ORDER BY position
