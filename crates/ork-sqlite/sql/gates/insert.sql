INSERT INTO gates (id, workspace_id, run_id, n, attempt, round, position, try, step_name, kind, status, role, allow_self, message,
                   opened_at, expires_at, on_expiry)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'open', ?11, ?12, ?13, ?14, ?15, ?16)
ON CONFLICT (id) DO NOTHING
