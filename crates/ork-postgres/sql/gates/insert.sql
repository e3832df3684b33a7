INSERT INTO gates (id, workspace_id, run_id, n, attempt, round, position, try, step_name, kind, status, role, allow_self, message,
                   opened_at, expires_at, on_expiry)
SELECT s.id, s.workspace_id, s.run_id, s.n, s.attempt, s.round, s.position, s.try, s.step_name, s.kind, 'open', s.role,
       s.allow_self, s.message, $16, s.expires_at, s.on_expiry
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::integer[],
            $9::text[], $10::text[], $11::text[], $12::boolean[], $13::text[], $14::bigint[], $15::text[])
     AS s (id, workspace_id, run_id, n, attempt, round, position, try, step_name, kind, role, allow_self, message, expires_at,
           on_expiry)
ON CONFLICT (id) DO NOTHING
