SELECT * FROM v_gates
WHERE ($1::uuid IS NULL OR workspace_id = $1) AND ($2::text IS NULL OR owner_id = $2) AND ($3::uuid IS NULL OR id < $3)
  AND ($4::uuid IS NULL OR run_id = $4) AND (NOT $5::boolean OR status = 'open')
ORDER BY id DESC LIMIT $6
