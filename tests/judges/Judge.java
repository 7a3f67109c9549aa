import java.io.ByteArrayInputStream;
import java.io.FileInputStream;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLEntry;
import java.security.cert.X509Certificate;
import java.util.Set;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1String;
import org.bouncycastle.asn1.ASN1TaggedObject;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.CertificateStatus;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.cert.ocsp.SingleResp;
import org.bouncycastle.cert.ocsp.UnknownStatus;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;

/** Bouncy Castle as an outside judge.  It signs and verifies SM2 with the standard id by itself.
 *  chain LEAF … ROOT | leaves CA LEAF … | crl CRL ISSUER | listed CRL ISSUER | ocsp RESPONSE … ISSUER |
 *  flips CA LEAF : prints what it found, exit 1 if wrong. */
public class Judge {
	static X509Certificate certificate(String path) throws Exception {
		try (FileInputStream in = new FileInputStream(path)) {
			return (X509Certificate) CertificateFactory.getInstance("X.509", "BC").generateCertificate(in);
		}
	}

	static void chain(String[] paths) throws Exception {
		for (int i = 1; i < paths.length; i++) {
			X509Certificate c = certificate(paths[i]);
			X509Certificate issuer = certificate(paths[Math.min(i + 1, paths.length - 1)]);
			c.verify(issuer.getPublicKey(), "BC");
			c.checkValidity();
			if (!c.getIssuerX500Principal().equals(issuer.getSubjectX500Principal()))
				throw new Exception("issuer name of " + paths[i]);
			if (i > 1 && c.getBasicConstraints() < 0)
				throw new Exception("not a CA: " + paths[i]);
			if (!java.util.Arrays.equals(c.getEncoded(), new X509CertificateHolder(c.getEncoded()).toASN1Structure().getEncoded("DER")))
				throw new Exception("not DER: " + paths[i]);
			System.out.println(c.getSubjectX500Principal() + " " + c.getSigAlgOID());
		}
	}

	/** The string of an identity extension, "-" when it is not there; a tag of its CHOICE goes before it. */
	static String identity(X509CertificateHolder h, String oid) throws Exception {
		Extension e = h.getExtension(new ASN1ObjectIdentifier(oid));
		if (e == null)
			return "-";
		ASN1Primitive v = ASN1Primitive.fromByteArray(e.getExtnValue().getOctets());
		if (!(v instanceof ASN1TaggedObject))
			return ((ASN1String) v).getString();
		ASN1TaggedObject t = (ASN1TaggedObject) v;
		return t.getTagNo() + ":" + ((ASN1String) t.getExplicitBaseObject().toASN1Primitive()).getString();
	}

	/** Certificates right under one CA: signature, names, purposes, identity extensions. */
	static void leaves(String[] paths) throws Exception {
		X509Certificate ca = certificate(paths[1]);
		for (int i = 2; i < paths.length; i++) {
			X509Certificate c = certificate(paths[i]);
			X509CertificateHolder h = new X509CertificateHolder(c.getEncoded());
			c.verify(ca.getPublicKey(), "BC");
			c.checkValidity();
			if (c.getBasicConstraints() >= 0 || !c.getIssuerX500Principal().equals(ca.getSubjectX500Principal()))
				throw new Exception("not a certificate of this CA: " + paths[i]);
			if (!java.util.Arrays.equals(c.getEncoded(), h.toASN1Structure().getEncoded("DER")))
				throw new Exception("not DER: " + paths[i]);
			StringBuilder usage = new StringBuilder();
			for (boolean bit : c.getKeyUsage())
				usage.append(bit ? '1' : '0');
			System.out.println(Path.of(paths[i]).getParent().getFileName() + "/" + Path.of(paths[i]).getFileName() + " " + usage + " "
				+ String.join(",", c.getExtendedKeyUsage()) + " " + identity(h, "1.2.156.10260.4.1.1") + " "
				+ identity(h, "1.2.156.10260.4.1.2") + " " + identity(h, "1.2.156.10260.4.4"));
		}
	}

	static Set<? extends X509CRLEntry> entries(String path, String issuerPath) throws Exception {
		X509Certificate issuer = certificate(issuerPath);
		try (FileInputStream in = new FileInputStream(path)) {
			X509CRL crl = (X509CRL) CertificateFactory.getInstance("X.509", "BC").generateCRL(in);
			crl.verify(issuer.getPublicKey(), "BC");
			return crl.getRevokedCertificates() == null ? Set.of() : crl.getRevokedCertificates();
		}
	}

	static void crl(String path, String issuerPath) throws Exception {
		System.out.println("crl entries " + entries(path, issuerPath).size());
	}

	static void listed(String path, String issuerPath) throws Exception {
		for (X509CRLEntry e : entries(path, issuerPath))
			System.out.println(e.getSerialNumber().toString(16));
	}

	/** Changes each byte in turn: how many, and how many still verify though what is signed has changed. */
	static void flips(String issuerPath, String path) throws Exception {
		PublicKey key = certificate(issuerPath).getPublicKey();
		X509Certificate good = certificate(path);
		byte[] der = good.getEncoded(), tbs = good.getTBSCertificate();
		int wrong = 0;
		good.verify(key, "BC");
		for (int i = 0; i < der.length; i++) {
			byte[] bad = der.clone();
			bad[i] ^= 1;
			try {
				X509Certificate c = (X509Certificate) CertificateFactory.getInstance("X.509", "BC")
					.generateCertificate(new ByteArrayInputStream(bad));
				c.verify(key, "BC");
				wrong += java.util.Arrays.equals(c.getTBSCertificate(), tbs) ? 0 : 1;
			} catch (Exception | Error refused) {
				continue;
			}
		}
		System.out.println(der.length + " " + wrong);
	}

	static void ocsp(String[] paths) throws Exception {
		for (int i = 1; i + 1 < paths.length; i++)
			ocsp(paths[i], paths[paths.length - 1]);
	}

	static void ocsp(String path, String issuerPath) throws Exception {
		X509CertificateHolder issuer = new X509CertificateHolder(certificate(issuerPath).getEncoded());
		OCSPResp response = new OCSPResp(Files.readAllBytes(Path.of(path)));
		if (response.getStatus() != 0)
			throw new Exception("status " + response.getStatus());
		BasicOCSPResp basic = (BasicOCSPResp) response.getResponseObject();
		X509CertificateHolder responder = basic.getCerts()[0];
		if (!responder.isSignatureValid(new JcaContentVerifierProviderBuilder().setProvider("BC").build(issuer)))
			throw new Exception("responder certificate");
		if (!basic.isSignatureValid(new JcaContentVerifierProviderBuilder().setProvider("BC").build(responder)))
			throw new Exception("response signature");
		for (SingleResp single : basic.getResponses()) {
			CertificateStatus status = single.getCertStatus();
			String text = status == CertificateStatus.GOOD ? "good" : status instanceof RevokedStatus ? "revoked"
				: status instanceof UnknownStatus ? "unknown" : "?";
			System.out.println(single.getCertID().getSerialNumber().toString(16) + " " + text);
		}
	}

	public static void main(String[] args) throws Exception {
		Security.addProvider(new BouncyCastleProvider());
		switch (args[0]) {
		case "chain": chain(args); break;
		case "leaves": leaves(args); break;
		case "crl": crl(args[1], args[2]); break;
		case "listed": listed(args[1], args[2]); break;
		case "flips": flips(args[1], args[2]); break;
		case "ocsp": ocsp(args); break;
		default: throw new Exception("usage");
		}
	}
}
