-- A note that meets another change of its lease is lost; the next one is not.
UPDATE leases l SET progress = s.progress, stage = s.stage, message = s.message
FROM (
    SELECT s.*, own.place
    FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::smallint[], $5::text[], $6::text[])
         AS s (run_id, n, lease, progress, stage, message)
    CROSS JOIN LATERAL (
        SELECT own.ctid AS place FROM leases own
        WHERE own.run_id = s.run_id AND own.n = s.n AND own.lease = s.lease AND ($7::uuid IS NULL OR own.workspace_id = $7)
        OFFSET 0
    ) AS own
) AS s
WHERE l.ctid = s.place
