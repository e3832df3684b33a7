SELECT start, line, length, lines, size, blob_key, bytes FROM (
    SELECT start, line, length, lines, size, blob_key, bytes,
           (sum(length) OVER (ORDER BY start))::bigint - length AS before
    FROM log_parts
    WHERE run_id = $1 AND n = $2 AND attempt = $3 AND start + length > $4 AND ($5::uuid IS NULL OR workspace_id = $5)
) AS page
WHERE before < $6 ORDER BY start
