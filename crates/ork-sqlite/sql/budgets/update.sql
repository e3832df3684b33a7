UPDATE budgets SET since = ?3, used_tokens = ?4, used_micros = ?5, reserved_tokens = ?6, reserved_micros = ?7
WHERE workspace_id = ?1 AND period = ?2
