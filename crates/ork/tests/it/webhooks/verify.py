"""Checks messages as a reader in another language would, with nothing but the standard library.

Each line of the input is {"secret", "id", "timestamp", "signature", "body", "body_signature"}; the answer is a word a line.
"""
import base64
import hashlib
import hmac
import json
import sys

for line in sys.stdin:
    message = json.loads(line)
    secret, body = message["secret"], message["body"].encode()
    if message.get("body_signature") is not None:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        print("genuine" if hmac.compare_digest("sha256=" + digest, message["body_signature"]) else "forged")
        continue
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([message["id"].encode(), message["timestamp"].encode(), body])
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    print("genuine" if any(hmac.compare_digest(wanted, one) for one in message["signature"].split(" ")) else "forged")
