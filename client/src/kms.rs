//! Keys in AWS KMS, which never leave it.

use crate::signer::Key;

/// A key of secp256k1 by its id, ARN or alias. Region and credentials come from the variables, files and services that AWS's own tools ask
/// too; `AWS_ENDPOINT_URL_KMS` names another server.
///
/// # Errors
///
/// If there are no credentials, if the key is another one, if the service refuses, or if this build does without.
#[cfg(feature = "aws-kms")]
pub(crate) async fn open(key: &str) -> anyhow::Result<Key> {
    use alloy_signer_aws::AwsSigner;
    use anyhow::Context;
    use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

    let tls = Provider::Rustls(CryptoMode::Ring);
    let http = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).http_client(http).load().await;
    config.region().context("AWS KMS: no region is named: AWS_REGION, or a profile with one")?;
    let opened = AwsSigner::new(aws_sdk_kms::Client::new(&config), key.to_owned(), None).await;
    let signer = opened.with_context(|| {
        format!(
            "AWS KMS, key {key}: it must be of the kind ECC_SECG_P256K1, and you need kms:GetPublicKey and kms:Sign"
        )
    })?;
    Ok(Box::new(signer))
}

/// Says how to get a build that speaks to AWS.
///
/// # Errors
///
/// Always.
#[cfg(not(feature = "aws-kms"))]
pub(crate) async fn open(_: &str) -> anyhow::Result<Key> {
    let text =
        "--aws-kms-key: this build knows no AWS; cargo build --bin tidepool --features cli/aws-kms makes one that does";
    anyhow::bail!(crate::Usage(text.to_owned()))
}
