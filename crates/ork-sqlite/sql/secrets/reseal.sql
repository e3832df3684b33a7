UPDATE secrets SET ciphertext = ?4, key_id = ?5 WHERE workspace_id = ?1 AND name = ?2 AND ciphertext = ?3
