import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.util.Arrays;
import org.bouncycastle.asn1.gm.GMNamedCurves;
import org.bouncycastle.asn1.x9.X9ECParameters;
import org.bouncycastle.crypto.digests.SM3Digest;
import org.bouncycastle.crypto.engines.SM2Engine;
import org.bouncycastle.crypto.engines.SM4Engine;
import org.bouncycastle.crypto.modes.CBCBlockCipher;
import org.bouncycastle.crypto.modes.CCMBlockCipher;
import org.bouncycastle.crypto.modes.GCMBlockCipher;
import org.bouncycastle.crypto.params.AEADParameters;
import org.bouncycastle.crypto.params.ECDomainParameters;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.params.KeyParameter;
import org.bouncycastle.crypto.params.ParametersWithID;
import org.bouncycastle.crypto.params.ParametersWithIV;
import org.bouncycastle.crypto.signers.SM2Signer;
import org.bouncycastle.crypto.signers.StandardDSAEncoding;
import org.bouncycastle.util.encoders.Hex;

/** Recomputes the lines of tests/sm_vectors.c with Bouncy Castle; the last line says how many agreed. */
public class SmJudge {
	private static final X9ECParameters X9 = GMNamedCurves.getByName("sm2p256v1");
	private static final ECDomainParameters CURVE =
		new ECDomainParameters(X9.getCurve(), X9.getG(), X9.getN(), X9.getH());

	private static byte[] hash(byte[] message) {
		SM3Digest digest = new SM3Digest();
		byte[] out = new byte[32];
		digest.update(message, 0, message.length);
		digest.doFinal(out, 0);
		return out;
	}

	private static byte[] gcm(byte[] key, byte[] nonce, byte[] aad, byte[] plain) throws Exception {
		GCMBlockCipher cipher = new GCMBlockCipher(new SM4Engine());
		cipher.init(true, new AEADParameters(new KeyParameter(key), 128, nonce, aad));
		byte[] out = new byte[cipher.getOutputSize(plain.length)];
		int n = cipher.processBytes(plain, 0, plain.length, out, 0);
		cipher.doFinal(out, n);
		return out;
	}

	private static byte[] ccm(byte[] key, byte[] nonce, byte[] aad, byte[] plain, int tag) throws Exception {
		CCMBlockCipher cipher = new CCMBlockCipher(new SM4Engine());
		cipher.init(true, new AEADParameters(new KeyParameter(key), 8 * tag, nonce, aad));
		return cipher.processPacket(plain, 0, plain.length);
	}

	private static byte[] cbc(byte[] key, byte[] iv, byte[] plain) {
		CBCBlockCipher cipher = new CBCBlockCipher(new SM4Engine());
		byte[] out = new byte[plain.length];
		cipher.init(true, new ParametersWithIV(new KeyParameter(key), iv));
		for (int at = 0; at < plain.length; at += 16)
			cipher.processBlock(plain, at, out, at);
		return out;
	}

	private static boolean verifies(byte[] pub, byte[] id, byte[] message, byte[] r, byte[] s) throws Exception {
		byte[] octets = new byte[65];
		octets[0] = 4;
		System.arraycopy(pub, 0, octets, 1, 64);
		SM2Signer signer = new SM2Signer();
		signer.init(false, new ParametersWithID(
			new ECPublicKeyParameters(CURVE.getCurve().decodePoint(octets), CURVE), id));
		signer.update(message, 0, message.length);
		return signer.verifySignature(StandardDSAEncoding.INSTANCE.encode(
			CURVE.getN(), new BigInteger(1, r), new BigInteger(1, s)));
	}

	private static byte[] publicOf(byte[] d) {
		byte[] octets = CURVE.getG().multiply(new BigInteger(1, d)).normalize().getEncoded(false);
		return Arrays.copyOfRange(octets, 1, 65);
	}

	private static byte[] open(byte[] d, byte[] raw) throws Exception {
		SM2Engine engine = new SM2Engine(SM2Engine.Mode.C1C3C2);
		byte[] octets = new byte[raw.length + 1];
		octets[0] = 4;
		System.arraycopy(raw, 0, octets, 1, raw.length);
		engine.init(false, new ECPrivateKeyParameters(new BigInteger(1, d), CURVE));
		return engine.processBlock(octets, 0, octets.length);
	}

	private static byte[] join(byte[] a, byte[] b) {
		byte[] out = Arrays.copyOf(a, a.length + b.length);
		System.arraycopy(b, 0, out, a.length, b.length);
		return out;
	}

	private static boolean agrees(String kind, byte[][] f) throws Exception {
		switch (kind) {
		case "sm3":
			return Arrays.equals(hash(f[0]), f[1]);
		case "gcm":
			return Arrays.equals(gcm(f[0], f[1], f[2], f[3]), join(f[4], f[5]));
		case "ccm":
			return Arrays.equals(ccm(f[0], f[1], f[2], f[3], f[5].length), join(f[4], f[5]));
		case "cbc":
			return Arrays.equals(cbc(f[0], f[1], f[2]), f[3]);
		case "sign":
			return Arrays.equals(publicOf(f[0]), f[1]) && verifies(f[1], f[2], f[3], f[4], f[5]);
		case "open":
			return Arrays.equals(open(f[0], f[1]), f[2]);
		default:
			return false;
		}
	}

	public static void main(String[] args) throws Exception {
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		int good = 0;
		for (String line = in.readLine(); line != null; line = in.readLine()) {
			String[] words = line.split(" ");
			byte[][] fields = new byte[words.length - 1][];
			for (int i = 1; i < words.length; i++)
				fields[i - 1] = words[i].equals("-") ? new byte[0] : Hex.decode(words[i]);
			if (!agrees(words[0], fields)) {
				System.out.println("disagrees: " + line);
				System.exit(1);
			}
			good++;
		}
		System.out.println(good + " agree");
	}
}
