//! One module for each version of rustls, with the same type: their interfaces differ in how a configuration is made.

/// The certificate is not looked at: a test has its own.
macro_rules! old_version {
    ($name:ident, $rustls:ident) => {
        pub mod $name {
            use crate::{Duplex, Secure};
            use std::net::TcpStream;
            use std::sync::Arc;
            use std::time::SystemTime;
            use $rustls::client::{ServerCertVerified, ServerCertVerifier};
            use $rustls::{
                Certificate, ClientConfig, ClientConnection, Error, PrivateKey, ServerConfig, ServerConnection,
                ServerName, StreamOwned,
            };

            struct Anyone;
            impl ServerCertVerifier for Anyone {
                fn verify_server_cert(
                    &self,
                    _: &Certificate,
                    _: &[Certificate],
                    _: &ServerName,
                    _: &mut dyn Iterator<Item = &[u8]>,
                    _: &[u8],
                    _: SystemTime,
                ) -> Result<ServerCertVerified, Error> {
                    Ok(ServerCertVerified::assertion())
                }
            }

            pub struct Version {
                server: Option<Arc<ServerConfig>>,
                client: Arc<ClientConfig>,
            }
            impl Version {
                pub fn new(files: Option<(Vec<u8>, Vec<u8>)>) -> Self {
                    let client = ClientConfig::builder()
                        .with_safe_defaults()
                        .with_custom_certificate_verifier(Arc::new(Anyone))
                        .with_no_client_auth();
                    let server = files.map(|(key, certificate)| {
                        let builder = ServerConfig::builder().with_safe_defaults().with_no_client_auth();
                        Arc::new(builder.with_single_cert(vec![Certificate(certificate)], PrivateKey(key)).unwrap())
                    });
                    Version { server, client: Arc::new(client) }
                }
            }
            impl Secure for Version {
                fn accept(&self, stream: TcpStream) -> Box<dyn Duplex> {
                    let connection = ServerConnection::new(self.server.clone().unwrap()).unwrap();
                    Box::new(StreamOwned::new(connection, stream))
                }
                fn connect(&self, stream: TcpStream) -> Box<dyn Duplex> {
                    let name = ServerName::try_from("sonde.test").unwrap();
                    let connection = ClientConnection::new(self.client.clone(), name).unwrap();
                    Box::new(StreamOwned::new(connection, stream))
                }
            }
        }
    };
}

macro_rules! new_version {
    ($name:ident, $rustls:ident) => {
        pub mod $name {
            use crate::{Duplex, Secure};
            use std::net::TcpStream;
            use std::sync::Arc;
            use $rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
            use $rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
            use $rustls::{
                ClientConfig, ClientConnection, DigitallySignedStruct, Error, ServerConfig, ServerConnection,
                SignatureScheme, StreamOwned,
            };

            #[derive(Debug)]
            pub struct Anyone;
            impl ServerCertVerifier for Anyone {
                fn verify_server_cert(
                    &self,
                    _: &CertificateDer<'_>,
                    _: &[CertificateDer<'_>],
                    _: &ServerName<'_>,
                    _: &[u8],
                    _: UnixTime,
                ) -> Result<ServerCertVerified, Error> {
                    Ok(ServerCertVerified::assertion())
                }
                fn verify_tls12_signature(
                    &self,
                    _: &[u8],
                    _: &CertificateDer<'_>,
                    _: &DigitallySignedStruct,
                ) -> Result<HandshakeSignatureValid, Error> {
                    Ok(HandshakeSignatureValid::assertion())
                }
                fn verify_tls13_signature(
                    &self,
                    _: &[u8],
                    _: &CertificateDer<'_>,
                    _: &DigitallySignedStruct,
                ) -> Result<HandshakeSignatureValid, Error> {
                    Ok(HandshakeSignatureValid::assertion())
                }
                fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
                    vec![SignatureScheme::RSA_PSS_SHA256, SignatureScheme::RSA_PKCS1_SHA256]
                }
            }

            pub fn server_config((key, certificate): (Vec<u8>, Vec<u8>)) -> Arc<ServerConfig> {
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
                let certificates = vec![CertificateDer::from(certificate)];
                let builder = ServerConfig::builder().with_no_client_auth();
                Arc::new(builder.with_single_cert(certificates, key).unwrap())
            }

            pub fn client_config() -> Arc<ClientConfig> {
                let builder = ClientConfig::builder().dangerous();
                Arc::new(builder.with_custom_certificate_verifier(Arc::new(Anyone)).with_no_client_auth())
            }

            pub struct Version {
                server: Option<Arc<ServerConfig>>,
                client: Arc<ClientConfig>,
            }
            impl Version {
                pub fn new(files: Option<(Vec<u8>, Vec<u8>)>) -> Self {
                    Version { server: files.map(server_config), client: client_config() }
                }
            }
            impl Secure for Version {
                fn accept(&self, stream: TcpStream) -> Box<dyn Duplex> {
                    let connection = ServerConnection::new(self.server.clone().unwrap()).unwrap();
                    Box::new(StreamOwned::new(connection, stream))
                }
                fn connect(&self, stream: TcpStream) -> Box<dyn Duplex> {
                    let name = ServerName::try_from("sonde.test").unwrap();
                    let connection = ClientConnection::new(self.client.clone(), name).unwrap();
                    Box::new(StreamOwned::new(connection, stream))
                }
            }
        }
    };
}

old_version!(v20, rustls20);
old_version!(v21, rustls21);
new_version!(v22, rustls22);
new_version!(v23, rustls23);
