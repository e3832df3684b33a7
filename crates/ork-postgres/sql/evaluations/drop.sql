DELETE FROM evaluations WHERE ctid = ANY (ARRAY (
    SELECT own.place
    FROM unnest($1::uuid[], $2::integer[]) AS s (run_id, g)
    CROSS JOIN LATERAL (SELECT own.ctid AS place FROM evaluations own WHERE own.run_id = s.run_id AND own.g = s.g OFFSET 0) AS own
))
