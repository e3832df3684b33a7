UPDATE run_heads SET sealed_seq = ?2, unsealed = seq > ?2 AND status IN ('success', 'failed', 'cancelled') WHERE run_id = ?1
