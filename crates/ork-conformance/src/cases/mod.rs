pub async fn conformance() {}
