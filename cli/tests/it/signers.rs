//! Keys that are elsewhere: on a device, in a service. Without the features of a build they are refused in words; with them (`scripts/test
//! signers`) a service's double signs, and no device is there.

use crate::deploy::{NOW, Place};

fn place() -> Place {
    let place = Place::new();
    let (code, _, errors) = place.run(&place.deploying("plan.toml", &[]));
    assert_eq!(code, 4, "{errors}");
    place.at(NOW + 86_410);
    place
}

#[test]
fn two_signers_are_one_too_many() {
    let place = place();
    let staking = ["pool", "stake", "10", "--deployment", "book", "--yes", "--ledger"];
    let (code, _, errors) = place.run(&[&staking[..], &["--aws-kms-key", "alias/staker"]].concat());
    assert!(code == 2 && errors.contains("--ledger and --aws-kms-key are given"), "{code}: {errors}");
    let (code, _, errors) = place.run(&staking);
    if cfg!(feature = "ledger") {
        assert!(code == 1 && errors.contains("is it plugged in and unlocked"), "{code}: {errors}");
    } else {
        assert!(code == 2 && errors.contains("--features cli/ledger"), "{code}: {errors}");
    }
    if cfg!(not(feature = "aws-kms")) {
        let staking = ["pool", "stake", "10", "--deployment", "book", "--yes", "--aws-kms-key", "alias/staker"];
        let (code, _, errors) = place.run(&staking);
        assert!(code == 2 && errors.contains("--features cli/aws-kms"), "{code}: {errors}");
    }
}

#[cfg(feature = "aws-kms")]
mod kms {
    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::{TcpListener, TcpStream},
        thread,
    };

    use alloy_primitives::{Address, U256, hex, keccak256};
    use alloy_sol_types::SolCall;
    use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
    use chain::Account;
    use k256::ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner};
    use serde_json::{Value, json};
    use suite::abi::IToken;

    use super::place;

    /// What stands before a point of secp256k1 in a public key as KMS writes it (SubjectPublicKeyInfo).
    const SPKI: [u8; 23] = hex!("3056301006072a8648ce3d020106052b8104000a034200");

    /// Answers as the service does, with a key of its own; refuses to sign for the key "alias/denied".
    fn serve() -> (String, Address) {
        let key = SigningKey::from_slice(keccak256("kms").as_slice()).unwrap();
        let point = key.verifying_key().to_encoded_point(false);
        let address = Address::from_slice(&keccak256(&point.as_bytes()[1..])[12..]);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let key = key.clone();
                thread::spawn(move || converse(stream.unwrap(), &key));
            }
        });
        (url, address)
    }

    fn converse(mut stream: TcpStream, key: &SigningKey) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        loop {
            let (mut target, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                if line == "\r\n" {
                    break;
                }
                let (name, value) = line.trim_end().split_once(": ").unwrap_or_default();
                match name.to_ascii_lowercase().as_str() {
                    "x-amz-target" => value.clone_into(&mut target),
                    "content-length" => length = value.parse().unwrap(),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let (status, answer) = answer(&target, &serde_json::from_slice(&body).unwrap(), key);
            let text = answer.to_string();
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.1\r\n");
            write!(stream, "{head}content-length: {}\r\n\r\n{text}", text.len()).unwrap();
        }
    }

    fn answer(target: &str, asked: &Value, key: &SigningKey) -> (&'static str, Value) {
        match target {
            "TrentService.GetPublicKey" => {
                let point = key.verifying_key().to_encoded_point(false);
                let public = BASE64.encode([&SPKI, point.as_bytes()].concat());
                ("200 OK", json!({ "KeyId": asked["KeyId"], "PublicKey": public, "KeySpec": "ECC_SECG_P256K1" }))
            }
            "TrentService.Sign" if asked["KeyId"] == "alias/denied" => {
                ("400 Bad Request", json!({ "__type": "AccessDeniedException", "message": "not authorized: kms:Sign" }))
            }
            "TrentService.Sign" => {
                assert_eq!(
                    (&asked["MessageType"], &asked["SigningAlgorithm"]),
                    (&json!("DIGEST"), &json!("ECDSA_SHA_256"))
                );
                let digest = BASE64.decode(asked["Message"].as_str().unwrap()).unwrap();
                let signature: Signature = key.sign_prehash(&digest).unwrap();
                // The service does not care which of the two it is; chains take the lower s only.
                let (r, s) = signature.split_scalars();
                let high = Signature::from_scalars(r, -*s).unwrap();
                ("200 OK", json!({ "KeyId": asked["KeyId"], "Signature": BASE64.encode(high.to_der().as_bytes()) }))
            }
            other => panic!("{other}: not a call that a signer makes"),
        }
    }

    #[test]
    fn a_service_signs_what_its_double_is_asked_for() {
        let place = place();
        let (url, staker) = serve();
        place.ask("hardhat_setBalance", json!([staker, "0x3635c9adc5dea00000"]));
        let mint = IToken::mintCall { to: staker, value: U256::from(25_000_000) };
        place.impersonate(Account::named("treasury").address(), place.tokens[0], &mint.abi_encode());
        let elsewhere = [("AWS_ENDPOINT_URL_KMS", url.as_str()), ("AWS_EC2_METADATA_DISABLED", "true")];
        let region = [("AWS_REGION", "eu-central-1")];
        let credentials = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "not-a-secret")];
        let stake = |environment: &[(&str, &str)], key: &str| {
            let staking = ["pool", "stake", "10", "--deployment", "book", "--yes", "--aws-kms-key", key];
            place.run_in(&[&elsewhere[..], environment].concat(), &staking)
        };

        let (code, _, errors) = stake(&credentials, "alias/staker");
        assert!(code == 1 && errors.contains("AWS_REGION"), "{code}: {errors}");
        let (code, _, errors) = stake(&region, "alias/staker");
        assert!(code == 1 && errors.contains("AWS KMS, key alias/staker"), "{code}: {errors}");
        let all = [&region[..], &credentials].concat();
        let (code, _, errors) = stake(&all, "alias/denied");
        assert!(
            code == 1 && errors.contains("not authorized: kms:Sign") && !errors.contains("not-a-secret"),
            "{errors}"
        );
        let (code, out, errors) = stake(&all, "alias/staker");
        assert!(code == 0 && out.contains("10 USDC are staked"), "{code}: {errors}");
        let account = place.run(&["pool", "account", &staker.to_string(), "--deployment", "book", "--json"]).1;
        assert_eq!(serde_json::from_str::<Value>(&account).unwrap()["active"], "10000000");
    }
}
