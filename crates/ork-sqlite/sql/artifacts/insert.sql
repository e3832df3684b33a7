INSERT INTO artifacts (id, workspace_id, run_id, n, attempt, step, name, kind, content_type, key, url, size, checksum, meta, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
