SELECT * FROM v_prompts WHERE workspace_id = $1 AND id = $2 AND ($3::integer IS NULL OR version < $3) ORDER BY version DESC LIMIT $4
