#!/bin/sh
# make_objects.sh DIR sm2|p256|rsa: a root, an issuing CA, leaves, a CSR, a CRL and an OCSP answer, all by OpenSSL's
# commands.  leaf.pem is good, gone.pem revoked by the CRL.
set -e
mkdir -p "$1"
cd "$1"
SIGN= VERIFY= RESPOND= MD=-sha256
case $2 in
sm2) KEY="EC -pkeyopt ec_paramgen_curve:SM2" MD=-sm3
	SIGN="-sigopt distid:1234567812345678" VERIFY="-vfyopt distid:1234567812345678"
	RESPOND="-rsigopt distid:1234567812345678" ;;
p256) KEY="EC -pkeyopt ec_paramgen_curve:P-256" ;;
rsa) KEY="RSA -pkeyopt rsa_keygen_bits:3072" ;;
esac
for k in root ca leaf gone responder; do openssl genpkey -algorithm $KEY -out $k.key; done

openssl req -new -x509 $MD -utf8 -key root.key -subj "/C=CN/CN=根 $2" -days 30 $SIGN -out root.pem \
	-addext keyUsage=critical,keyCertSign,cRLSign
cat >ext <<X
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[leaf]
keyUsage=critical,digitalSignature
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName=DNS:www.example.cn
[responder]
keyUsage=critical,digitalSignature
extendedKeyUsage=OCSPSigning
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
X
issue() { # name issuer section serial
	openssl req -new $MD -utf8 -key $1.key -subj "/C=CN/CN=$1 张三" $SIGN -out $1.csr
	openssl x509 -req $MD -in $1.csr -CA $2.pem -CAkey $2.key -set_serial $4 -days 20 -extfile ext -extensions $3 \
		$SIGN $VERIFY -out $1.pem
}
issue ca root ca 0x1000000000000001
issue leaf ca leaf 0x2000000000000001
issue gone ca leaf 0x2000000000000002
issue responder ca responder 0x2000000000000003
openssl req -new $MD -key leaf.key -subj /CN=empty -out empty.csr

# index of `openssl ca`: expiry, revocation, serial, file, subject
END=$(date -u -d '+20 days' +%y%m%d%H%M%SZ)
printf 'V\t%s\t\t2000000000000001\tunknown\t/CN=leaf\n' "$END" >index
printf 'R\t%s\t%s,keyCompromise\t2000000000000002\tunknown\t/CN=gone\n' "$END" "$(date -u -d -1hour +%y%m%d%H%M%SZ)" >>index
echo 07 >number
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=%s\ncrl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid\n' \
	"${MD#-}" >conf
openssl ca -config conf -gencrl -keyfile ca.key -cert ca.pem -crldays 10 $SIGN -out ca.crl
openssl ocsp -sha1 -issuer ca.pem -cert leaf.pem -cert gone.pem -reqout ask.der -no_nonce
openssl ocsp -index index -CA ca.pem -rsigner responder.pem -rkey responder.key -rmd ${MD#-} $RESPOND -reqin ask.der -ndays 1 \
	-respout answer.der
