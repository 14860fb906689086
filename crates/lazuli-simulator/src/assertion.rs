//! Client assertions: what an application signs with the key of a registered certificate instead of sending a secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

/// Why an assertion is refused: Entra's number and words.
pub(crate) type Refusal = (u32, String);

/// Whether an assertion names a certificate rather than being another issuer's token.
pub(crate) fn is_by_certificate(assertion: &str) -> bool {
    let header = assertion.split('.').next().and_then(decode);
    header.is_some_and(|header| header.get("x5t#S256").is_some() || header.get("x5t").is_some())
}

/// Checks an assertion of an application against the certificates (PEM) it has registered. `audience_path` is the path of
/// the token endpoint, `now` in milliseconds since 1970.
pub(crate) fn check(
    assertion: &str,
    client: &str,
    audience_path: &str,
    certificates: &[String],
    now: u64,
) -> Result<(), Refusal> {
    let malformed = || (50_027, "JWT token is invalid or malformed.".to_owned());
    let (text, signature) = assertion.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = text.split_once('.').ok_or_else(malformed)?;
    let (header, claims) = (decode(header).ok_or_else(malformed)?, decode(claims).ok_or_else(malformed)?);
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed())?;
    let word = |value: &Value, name: &str| value[name].as_str().unwrap_or("").to_owned();
    if !word(&claims, "iss").eq_ignore_ascii_case(client)
        || !word(&claims, "sub").eq_ignore_ascii_case(client)
    {
        return Err((
            700_021,
            "Client assertion application identifier doesn't match 'client_id' parameter.".to_owned(),
        ));
    }
    let audience = word(&claims, "aud");
    if !url::Url::parse(&audience).is_ok_and(|url| url.path().eq_ignore_ascii_case(audience_path)) {
        return Err((700_023, format!("Client assertion audience claim '{audience}' does not match.")));
    }
    let seconds = now / 1000;
    let time = |name: &str| claims[name].as_u64().unwrap_or(0);
    if time("exp") <= seconds || time("nbf") > seconds + 300 {
        return Err((700_024, "Client assertion is not within its valid time range.".to_owned()));
    }
    let thumbprint = word(&header, "x5t#S256");
    let key = certificates.iter().find_map(|pem| {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        let own = URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate));
        (own == thumbprint).then(|| public_key(&certificate).map(<[u8]>::to_vec)).flatten()
    });
    let algorithm: &RsaParameters = match word(&header, "alg").as_str() {
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(malformed()),
    };
    let is_signed =
        |key: Vec<u8>| UnparsedPublicKey::new(algorithm, key).verify(text.as_bytes(), &signature).is_ok();
    if !key.is_some_and(is_signed) {
        return Err((
            700_027,
            format!(
                "The certificate with identifier used to sign the client assertion is not registered on application. \
                 [Reason - The key was not found., Thumbprint of key used by client: '{thumbprint}']"
            ),
        ));
    }
    Ok(())
}

fn decode(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// The RSA public key (PKCS#1) in a certificate.
fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const BIT_STRING: u8 = 0x03;
    let inside = |der| element(der).filter(|(tag, _, _)| *tag == SEQUENCE).map(|(_, content, _)| content);
    let mut fields = inside(inside(certificate)?)?;
    // Version, serial number, algorithm, issuer, validity, subject; then the key.
    for tag in [Some(0xa0), Some(0x02), None, None, None, None] {
        let (found, _, rest) = element(fields)?;
        if tag.is_none_or(|tag| tag == found) {
            fields = rest;
        }
    }
    let (_, _, key) = element(inside(fields)?)?;
    let (tag, bits, _) = element(key)?;
    (tag == BIT_STRING).then(|| bits.strip_prefix(&[0])).flatten()
}

fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk::<2>()?;
    let more = usize::from(first & 0x7f);
    let (length, rest) = match first {
        0..=0x7f => (more, rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(more)?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}
