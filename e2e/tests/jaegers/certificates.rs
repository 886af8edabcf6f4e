use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};

/// Who issues certificates: to servers, or to clients.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    purpose: ExtendedKeyUsagePurpose,
}

impl Authority {
    pub fn of_servers() -> Self {
        Self::new("servers", ExtendedKeyUsagePurpose::ServerAuth)
    }

    pub fn of_clients() -> Self {
        Self::new("clients", ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn new(name: &str, purpose: ExtendedKeyUsagePurpose) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, purpose }
    }

    /// Writes its own certificate.
    pub fn write(&self, file: &Path) {
        fs::write(file, self.issuer.pem()).unwrap();
    }

    /// Writes a certificate for this machine, and its key.
    pub fn issue(&self, certificate: &Path, key: &Path) {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![self.purpose.clone()];
        let own = KeyPair::generate().unwrap();
        fs::write(certificate, params.signed_by(&own, &self.issuer).unwrap().pem()).unwrap();
        fs::write(key, own.serialize_pem()).unwrap();
    }
}
