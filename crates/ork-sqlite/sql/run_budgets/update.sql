UPDATE run_budgets
SET limit_tokens = ?2, limit_micros = ?3, used_tokens = ?4, used_micros = ?5, reserved_tokens = ?6, reserved_micros = ?7
WHERE run_id = ?1
