DELETE FROM loose_blobs WHERE key = ?1
