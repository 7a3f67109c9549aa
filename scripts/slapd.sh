#!/bin/sh
# Starts an OpenLDAP server for the directory of a demonstration or a test, in the foreground:
#	scripts/slapd.sh DIR PORT [BASE]
# DIR is made when it is not there: a certificate authority of its own (ca.pem), a certificate for 127.0.0.1, the secret of
# cn=publisher,BASE (secret), the database.  It listens on ldaps://127.0.0.1:PORT only, everybody may read, the publisher
# writes: by password, or (SASL EXTERNAL) by a certificate that client-ca.pem in DIR certified.
set -eu
umask 077
dir=$1 port=$2 base=${3:-o=shifan}
schema=/etc/ldap/schema
mkdir -p "$dir/db"
cd "$dir"
dir=$PWD
if [ ! -f server.pem ]; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 \
		-subj /CN=directory-ca 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr \
		-subj /CN=127.0.0.1 2>/dev/null
	echo subjectAltName=IP:127.0.0.1 >server.ext
	openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile server.ext \
		-out server.pem 2>/dev/null
	head -c 18 /dev/urandom | base64 | tr -d '\n' >secret
fi
[ -f client-ca.pem ] || cp ca.pem client-ca.pem
cat >slapd.conf <<CONF
include $schema/core.schema
include $schema/cosine.schema
include $schema/inetorgperson.schema
pidfile $dir/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile $dir/client-ca.pem
TLSCertificateFile $dir/server.pem
TLSCertificateKeyFile $dir/server.key
TLSVerifyClient try
TLSCipherSuite SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2
authz-regexp "^.*cn=shifan/status.*$" "cn=publisher,$base"
# messages of the publisher: lists of up to 3 MiB
sockbuf_max_incoming_auth 8388608
database mdb
suffix "$base"
directory $dir/db
maxsize 1073741824
rootdn "cn=publisher,$base"
rootpw $(cat secret)
index objectClass,uid,cn,o eq
access to attrs=userPassword by * none
access to * by * read
CONF
exec /usr/sbin/slapd -d 0 -f slapd.conf -h "ldaps://127.0.0.1:$port"
