import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.Security;
import java.security.Signature;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.asn1.ASN1BitString;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.asn1.cms.SignedData;
import org.bouncycastle.asn1.cms.SignerInfo;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.crypto.engines.SM2Engine;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.util.PrivateKeyFactory;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.tsp.TSPUtil;
import org.bouncycastle.tsp.TimeStampToken;
import org.bouncycastle.util.BigIntegers;

/** Bouncy Castle reads what this platform writes.
 *  statement FILE | envelope FILE RECEIVER.der DELIVERED.der : exit 1 if wrong. */
public class Messages {
	static byte[] file(String path) throws Exception {
		return Files.readAllBytes(Path.of(path));
	}

	static void same(boolean ok, String what) throws Exception {
		if (!ok)
			throw new Exception(what);
	}

	/** DER in, DER out: the same bytes. */
	static ASN1Primitive der(byte[] in) throws Exception {
		ASN1Primitive p = ASN1Primitive.fromByteArray(in);
		same(Arrays.equals(in, p.getEncoded("DER")), "not DER");
		return p;
	}

	static void statement(String path) throws Exception {
		ContentInfo outer = ContentInfo.getInstance(der(file(path)));
		SignedData signed = SignedData.getInstance(outer.getContent());
		byte[] content = ASN1OctetString.getInstance(signed.getEncapContentInfo().getContent()).getOctets();
		SignerInfo signer = SignerInfo.getInstance(signed.getSignerInfos().getObjectAt(0));
		X509CertificateHolder holder = new X509CertificateHolder(signed.getCertificates().getObjectAt(0).toASN1Primitive().getEncoded());
		Signature check = Signature.getInstance("SM3withSM2", "BC");
		check.initVerify(new JcaX509CertificateConverter().setProvider("BC").getCertificate(holder).getPublicKey());
		check.update(content);
		same(outer.getContentType().getId().equals("1.2.156.10197.6.1.4.2.2"), "content type");
		same(signed.getSignerInfos().size() == 1 && signer.getAuthenticatedAttributes() == null, "signer");
		same(check.verify(signer.getEncryptedDigest().getOctets()), "signature");
		System.out.println(new String(content, StandardCharsets.UTF_8));
	}

	static byte[] unwrap(ASN1Encodable cipher, ECPrivateKeyParameters key) throws Exception {
		ASN1Sequence c = ASN1Sequence.getInstance(cipher);
		byte[] hash = ASN1OctetString.getInstance(c.getObjectAt(2)).getOctets();
		byte[] text = ASN1OctetString.getInstance(c.getObjectAt(3)).getOctets();
		byte[] raw = new byte[1 + 64 + hash.length + text.length];
		raw[0] = 4;
		for (int i = 0; i < 2; i++)
			System.arraycopy(BigIntegers.asUnsignedByteArray(32, ASN1Integer.getInstance(c.getObjectAt(i)).getPositiveValue()),
				0, raw, 1 + 32 * i, 32);
		System.arraycopy(hash, 0, raw, 65, hash.length);
		System.arraycopy(text, 0, raw, 65 + hash.length, text.length);
		SM2Engine engine = new SM2Engine(SM2Engine.Mode.C1C3C2);
		engine.init(false, key);
		return engine.processBlock(raw, 0, raw.length);
	}

	/** SM2EnvelopedKey: the scalar under the receiver's key, and the public half beside it. */
	static void envelope(String path, String receiver, String delivered) throws Exception {
		ASN1Sequence e = ASN1Sequence.getInstance(der(file(path)));
		ECPrivateKeyParameters key = (ECPrivateKeyParameters) PrivateKeyFactory.createKey(PrivateKeyInfo.getInstance(file(receiver)));
		ECPrivateKeyParameters expected = (ECPrivateKeyParameters) PrivateKeyFactory.createKey(PrivateKeyInfo.getInstance(file(delivered)));
		Cipher sm4 = Cipher.getInstance("SM4/ECB/NoPadding", "BC");
		sm4.init(Cipher.DECRYPT_MODE, new SecretKeySpec(unwrap(e.getObjectAt(1), key), "SM4"));
		BigInteger d = new BigInteger(1, sm4.doFinal(ASN1BitString.getInstance(e.getObjectAt(3)).getOctets()));
		byte[] point = expected.getParameters().getG().multiply(d).normalize().getEncoded(false);
		same(d.equals(expected.getD()), "private key");
		same(Arrays.equals(point, ASN1BitString.getInstance(e.getObjectAt(2)).getOctets()), "public key");
		System.out.println("envelope opens");
	}

	/** A time stamp over the SM3 of a file; prints its time in seconds. */
	static void stamp(String path, String over) throws Exception {
		TimeStampToken token = new TimeStampToken(new CMSSignedData(file(path)));
		byte[] hash = MessageDigest.getInstance("SM3", "BC").digest(file(over));
		same(Arrays.equals(hash, token.getTimeStampInfo().getMessageImprintDigest()), "imprint");
		X509CertificateHolder holder = (X509CertificateHolder) token.getCertificates().getMatches(token.getSID()).iterator().next();
		TSPUtil.validateCertificate(holder);
		token.validate(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(holder));
		System.out.println(token.getTimeStampInfo().getGenTime().getTime() / 1000);
	}

	public static void main(String[] args) throws Exception {
		Security.addProvider(new BouncyCastleProvider());
		switch (args[0]) {
		case "statement": statement(args[1]); break;
		case "envelope": envelope(args[1], args[2], args[3]); break;
		case "stamp": stamp(args[1], args[2]); break;
		default: throw new Exception("usage");
		}
	}
}
