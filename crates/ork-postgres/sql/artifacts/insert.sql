INSERT INTO artifacts (id, workspace_id, run_id, n, attempt, step, name, kind, content_type, key, url, size, checksum, meta, created_at)
SELECT s.id, $2::uuid, $3::uuid, s.n, s.attempt, s.step, s.name, s.kind, s.content_type, s.key, s.url, s.size, s.checksum,
       s.meta::json, $14::bigint
FROM unnest($1::uuid[], $4::integer[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
            $12::bigint[], $13::text[], $15::text[])
     AS s (id, n, attempt, step, name, kind, content_type, key, url, size, checksum, meta)
