-- Parts, or chunks where no part follows: of one moment, so that what is packed meanwhile is in one of them. Whole pieces, until the
-- page is full: a piece is in the page when those before it leave room. The last column says whether another piece follows: what
-- is packed is no chunk any more.
-- `coalesce` stands inside: around a subquery PostgreSQL takes it for something that could leak, and asks the policies about each
-- row before it uses the key.
SELECT start, line, length, lines, size, blob_key, bytes, NULL::text AS stream, more
FROM (
    SELECT start, line, length, lines, size, blob_key, bytes, (sum(length) OVER (ORDER BY start))::bigint - length AS before,
           lead(start) OVER (ORDER BY start) IS NOT NULL
               OR EXISTS (SELECT 1 FROM logs WHERE run_id = $1 AND n = $2 AND attempt = $3) AS more
    FROM log_parts
    WHERE run_id = $1 AND n = $2 AND attempt = $3 AND start + length > $4 AND ($5::uuid IS NULL OR workspace_id = $5)
) AS part
WHERE before < $6
UNION ALL
SELECT start, line, 0, 0, 0, NULL, bytes, stream, more
FROM (
    SELECT start, line, bytes, stream, sum(length(bytes)) OVER (ORDER BY start) - length(bytes) AS before,
           lead(start) OVER (ORDER BY start) IS NOT NULL AS more, row_number() OVER (ORDER BY start) AS number
    FROM (SELECT start, line, bytes, stream FROM logs
          WHERE run_id = $1 AND n = $2 AND attempt = $3 AND start + length(bytes) > $4
              AND ($5::uuid IS NULL OR workspace_id = $5) AND start >= (
                  SELECT coalesce(max(start), 0) FROM logs WHERE run_id = $1 AND n = $2 AND attempt = $3 AND start <= $4)
              AND NOT EXISTS (
                  SELECT 1 FROM log_parts WHERE run_id = $1 AND n = $2 AND attempt = $3 AND start + length > $4)
          ORDER BY start LIMIT 4097) AS piece
) AS chunk
WHERE before < $6 AND number <= 4096
ORDER BY start
