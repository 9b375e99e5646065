package SessionCrypto::Certificates;

# Keys and self-signed certificates of all kinds, made by the `openssl` program (3.0 or
# later), and each form of file that a key can have.
#
#   my $pair = certificate($dir, 'web', 'rsa:2048');
#   certificate($dir, 'web', 'ec:P-256', from => -20, to => -10);    # in days
#   $pair->{certificate}                      # $dir/web.pem
#   $pair->{key}                              # $dir/web.key, PKCS#8
#   key_in('encrypted PKCS#8', $pair, "$dir/web.p8", 'passphrase');
#   key_forms()                               # the names that key_in takes
#   server_certificate($dir, 'tls', 'www.test', '127.0.0.1');    # for TLS
#   openssl(qw(x509 -in a.pem -outform DER -out a.der));
#
# Kinds of keys: rsa:BITS, rsa-pss:BITS, dsa:BITS, ec:CURVE, ed25519, x25519.

use strict;
use warnings;

use Exporter qw(import);
use POSIX    qw(strftime);

use SessionCrypto::System qw(run write_file);

our @EXPORT_OK = qw(certificate encrypted_key_forms key_forms key_in openssl server_certificate);

use constant { DAY => 86_400, VALID_DAYS => 30 };

# The arguments of `openssl genpkey` for each kind of key, without `-out`.
my %MAKE_KEY = (
    'rsa'     => sub { (qw(-algorithm RSA -pkeyopt),     "rsa_keygen_bits:$_[0]") },
    'rsa-pss' => sub { (qw(-algorithm RSA-PSS -pkeyopt), "rsa_keygen_bits:$_[0]") },
    'ec'      => sub { (qw(-algorithm EC -pkeyopt),      "ec_paramgen_curve:$_[0]") },
    'ed25519' => sub { qw(-algorithm ED25519) },
    'x25519'  => sub { qw(-algorithm X25519) },
    'dsa'     => sub { ('-paramfile', dsa_parameters(@_)) },
);

# The arguments of `openssl` for each form of key, without `-in`, `-out` and passphrase.
my %KEY_FORM = (
    'PKCS#8'                   => [qw(pkcs8 -topk8 -nocrypt)],
    'PKCS#8 in DER'            => [qw(pkcs8 -topk8 -nocrypt -outform DER)],
    'encrypted PKCS#8'         => [qw(pkcs8 -topk8 -v2 aes-256-cbc -passout)],
    'encrypted PKCS#8 in DER'  => [qw(pkcs8 -topk8 -v2 aes-256-cbc -outform DER -passout)],
    'traditional'              => [qw(pkey -traditional)],
    'traditional in DER'       => [qw(pkey -traditional -outform DER)],
    'encrypted traditional'    => [qw(pkey -traditional -aes256 -passout)],
);

sub certificate {
    my ($dir, $name, $kind, %dates) = @_;
    my ($algorithm, $size) = split /:/, $kind;
    my %pair = (certificate => "$dir/$name.pem", key => "$dir/$name.key");
    openssl('genpkey', $MAKE_KEY{$algorithm}->($size, "$dir/$name"), '-out', $pair{key});
    my @subject = ('-subj', "/CN=$name");
    if ($algorithm eq 'x25519') {
        certify_for_another($dir, $name, \%pair);
    }
    elsif (%dates) {
        openssl('req', '-new', '-key', $pair{key}, @subject, '-out', "$dir/$name.csr");
        sign_with_dates($dir, $name, \%pair, %dates);
    }
    else {
        openssl('req', '-new', '-x509', '-key', $pair{key}, @subject, '-days', VALID_DAYS, '-out', $pair{certificate});
    }
    return \%pair;
}

# A certificate for hosts, by name or by address, under P-256. Browsers and httpd want no
# CA, which the system's configuration of OpenSSL makes.
sub server_certificate {
    my ($dir, $name, @hosts) = @_;
    my %pair  = (certificate => "$dir/$name.pem", key => "$dir/$name.key");
    my $hosts = join ',', map { /[a-z]/ ? "DNS:$_" : "IP:$_" } @hosts;
    write_file("$dir/$name.cnf", <<"CONF");
[req]
distinguished_name = name
x509_extensions = server
[name]
[server]
subjectAltName = $hosts
CONF
    openssl(qw(req -new -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -config), "$dir/$name.cnf",
        '-subj', "/CN=$hosts[0]", '-days', VALID_DAYS, '-keyout', $pair{key}, '-out', $pair{certificate});
    return \%pair;
}

sub key_forms { return sort keys %KEY_FORM }

sub encrypted_key_forms { return grep { /^encrypted/ } key_forms() }

# Writes a key in a form. Encrypted forms and PKCS#12 take the passphrase; a PKCS#12
# file holds the certificate as well.
sub key_in {
    my ($form, $pair, $path, $passphrase) = @_;
    my @encrypt = "pass:$passphrase" if defined $passphrase;
    if ($form eq 'PKCS#12') {
        openssl(qw(pkcs12 -export -inkey), $pair->{key}, '-in', $pair->{certificate}, '-out', $path, '-passout', @encrypt);
    }
    else {
        my @command = @{ $KEY_FORM{$form} };
        push @command, @encrypt if $command[-1] eq '-passout';
        openssl(@command, '-in', $pair->{key}, '-out', $path);
    }
    return $path;
}

sub openssl { return run('openssl', @_) }

# Another key certifies a key that cannot sign.
sub certify_for_another {
    my ($dir, $name, $pair) = @_;
    my $issuer = certificate($dir, "$name-issuer", 'ec:P-256');
    openssl('pkey', '-in', $pair->{key}, '-pubout', '-out', "$dir/$name.pub");
    openssl('x509', '-new', '-subj', "/CN=$name", '-force_pubkey', "$dir/$name.pub", '-days', VALID_DAYS,
        '-CA', $issuer->{certificate}, '-CAkey', $issuer->{key}, '-out', $pair->{certificate});
    return;
}

# In OpenSSL 3.0, only `openssl ca` takes any two dates.
sub sign_with_dates {
    my ($dir, $name, $pair, %dates) = @_;
    my $own = "$dir/$name.ca";
    mkdir $own or die "$own: $!\n";
    write_file("$own/index", '');
    write_file("$own/serial", "01\n");
    write_file("$own/conf", <<"CONF");
[ca]
default_ca = own
[own]
database = $own/index
serial = $own/serial
new_certs_dir = $own
policy = names
default_md = sha256
[names]
commonName = supplied
CONF
    my ($from, $to) = map { strftime('%Y%m%d%H%M%SZ', gmtime time + $_ * DAY) }
        $dates{from} // 0, $dates{to} // VALID_DAYS;
    openssl('ca', '-batch', '-selfsign', '-notext', '-config', "$own/conf", '-startdate', $from, '-enddate', $to,
        '-keyfile', $pair->{key}, '-in', "$dir/$name.csr", '-out', $pair->{certificate});
    return;
}

sub dsa_parameters {
    my ($bits, $path) = @_;
    openssl('genpkey', '-genparam', '-algorithm', 'DSA', '-pkeyopt', "dsa_paramgen_bits:$bits", '-out', "$path.dsa");
    return "$path.dsa";
}

1;
