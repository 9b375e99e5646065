# Engines and providers that do not exist, and names that are not of engines: `httpd -t`
# refuses them, and says what it has tried.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::Startup qw(SECRET is_quiet is_wrong);

my $httpd = SessionCrypto::Httpd->new(name => 'startup-engines', session => '');
my $dir   = $httpd->dir;
$httpd->write_file('x.so', SECRET);

# A name, and what was tried. OpenSSL's reasons differ from version to version.
my @MISSING = (
    ['nosuch',          qw(engine provider)],
    ['engine:nosuch',   qw(engine)],
    ['provider:nosuch', qw(provider)],
);
for (@MISSING) {
    my ($name, @tried) = @$_;
    for my $lines (lines($name)) {
        $httpd->{config} = $lines;
        my $output = is_wrong($httpd, one_line($lines), "there is no $tried[0] 'nosuch' (", 'install it');
        is_deeply([$output =~ /(engine|provider) 'nosuch' \([^()]{8,}/g], \@tried, 'it says what was tried, and a reason for each');
    }
}

# OpenSSL looks for a file of the name, so no name may lead elsewhere.
my @NO_NAMES = (
    '../gost', 'engine:../../tmp/x', 'provider:../x', './x', '/tmp/x', "$dir/x", "engine:$dir/x.so", 'x.so', 'a.b', 'engine:a.b', '.', '..',
    'engine:', 'provider:', 'engine:engine:gost', 'ENGINE:gost', 'gost,gost', "caf\xc3\xa9", "caf\xe9", 'gost%00', 'gost\0', "gost\x01",
    '$(id)', 'a b', ' gost', 'gost ', 'gost;', 'a\\\\b', 'x' x 65, 'engine:' . 'x' x 65,
);
for my $name (@NO_NAMES, '') {
    for my $lines (lines($name)) {
        $httpd->{config} = $lines;
        is_wrong($httpd, one_line($lines), 'a name of letters, digits, - and _ is needed');
    }
}

my $secret = "SessionCryptoPassphrase ${\SECRET}\n";
my %WRONG = (
    'no name'                     => ['SessionCryptoEngine', 'SessionCryptoEngine'],
    'two names'                   => ['SessionCryptoEngine default legacy', 'one argument'],
    'engine= that is not =engine' => ['SessionCryptoDriver openssl engine', 'unknown parameter', "'engine'", 'engine=NAME'],
    'engine: of a driver'         => ['SessionCryptoDriver openssl engine:default', 'unknown parameter', 'engine=NAME'],
    'an unknown parameter'        => ['SessionCryptoDriver openssl colour=red', 'unknown parameter', 'colour=red', 'engine=NAME'],
    'an unknown parameter after a good one' => ['SessionCryptoDriver openssl engine=default colour=red', 'unknown parameter', 'colour=red'],
    'a good one after an unknown' => ['SessionCryptoDriver openssl colour=red engine=default', 'unknown parameter', 'colour=red'],
    'another driver with an engine' => ['SessionCryptoDriver nss engine=default', "no driver 'nss'", 'openssl'],
    'an engine where a driver goes' => ['SessionCryptoDriver engine=default', 'no driver', 'openssl'],
    'a driver in a virtual host'  => ["<VirtualHost *>\nSessionCryptoDriver openssl engine=default\n</VirtualHost>", 'VirtualHost'],
    'a driver in a location'      => ["<Location /a>\nSessionCryptoDriver openssl engine=default\n</Location>", 'SessionCryptoDriver'],
    'in a virtual host'           => ["<VirtualHost *>\nSessionCryptoEngine nosuch\n</VirtualHost>", 'no engine', 'nosuch'],
    'in a directory'              => ["<Directory />\nSessionCryptoEngine nosuch\n</Directory>", 'no engine', 'nosuch'],
    'in a location'               => ["<Location /a>\nSessionCryptoEngine nosuch\n</Location>", 'no engine', 'nosuch'],
    'in a location of a virtual host' => ["<VirtualHost *>\n<Location /a>\nSessionCryptoEngine ../x\n</Location>\n</VirtualHost>", 'letters, digits, - and _'],
    # Only the legacy provider has this one.
    'a cipher that only another engine has' => ["SessionCryptoPassphrase ${\SECRET}\nSessionCryptoEngine default\nSessionCryptoCipher cast5-cbc", 'SessionCryptoCipher', 'cast5-cbc', 'unknown cipher'],
    'a cipher of an engine in another virtual host' => [
        "<VirtualHost *>\nSessionCryptoEngine legacy\n</VirtualHost>\n<VirtualHost *>\nServerName b\nSessionCryptoCipher cast5-cbc\n</VirtualHost>", 'cast5-cbc', 'unknown cipher'],
    # No request is in both.
    'a cipher of an engine in another location' => [
        "<Location /a>\n${secret}# wrong:\nSessionCryptoCipher cast5-cbc\n</Location>\n<Location /b>\nSessionCryptoEngine legacy\n</Location>", 'cast5-cbc', 'unknown cipher'],
    'a cipher that does not exist, an engine in another location' => [
        "<Location /a>\n${secret}# wrong:\nSessionCryptoCipher nosuch-cbc\n</Location>\n<Location /b>\nSessionCryptoEngine legacy\n</Location>", 'nosuch-cbc', 'unknown cipher'],
    # Under a digest without a length of its own, anybody could know the key.
    (map { ("the digest $_ of a provider" => ["${secret}SessionCryptoEngine provider:legacy\nSessionCryptoDigest $_", 'SessionCryptoDigest', $_, 'cannot be used for HMAC']) }
        qw(null shake128 shake256)),
);
for my $name (sort keys %WRONG) {
    my ($lines, @words) = @{ $WRONG{$name} };
    $httpd->{config} = $lines;
    is_wrong($httpd, $name, @words);
}

for my $lines (
    (map { lines($_) } qw(default provider:default legacy provider:legacy)),
    "SessionCryptoEngine default\nSessionCryptoEngine legacy\n<Location /a>\nSessionCryptoEngine default\n</Location>\n",
    "SessionCryptoPassphrase ${\SECRET}\nSessionCryptoCipher cast5-cbc\nSessionCryptoEngine legacy\n",
    "SessionCryptoPassphrase ${\SECRET}\nSessionCryptoEngine legacy\n<Location /a>\nSessionCryptoCipher cast5-cbc\n</Location>\n",
    "SessionCryptoDriver openssl\nSessionCryptoEngine default\n",
    # A request may be in both.
    "<Location /a>\n${secret}SessionCryptoCipher cast5-cbc\n</Location>\n<Location /a/b>\nSessionCryptoEngine legacy\n</Location>\n",
) {
    $httpd->{config} = $lines;
    is_quiet($httpd, one_line($lines));
}

# An OpenSSL that is configured without its default provider.
{
    my $conf = $httpd->write_file('openssl.cnf', "openssl_conf = all\n[all]\nproviders = providers\n[providers]\nbase = base\n[base]\nactivate = 1\n");
    $httpd->{config} = '';
    local $ENV{OPENSSL_CONF} = $conf;
    my ($ok, $output) = $httpd->check;
    ok(!$ok, 'without any cipher, httpd -t fails');
    like($output, qr/OpenSSL lacks what this module cannot do without: unknown cipher: /, 'and says why');
}

done_testing;

# The two directives that take a name.
sub lines {
    my ($name) = @_;
    return (qq(SessionCryptoEngine "$name"\n), qq(SessionCryptoDriver openssl "engine=$name"\n));
}

sub one_line {
    my ($lines) = @_;
    return $lines =~ s/\n\z//r =~ s/\n/, /gr =~ s/[^ -~]/?/gr =~ s/\Q$dir\E/.../gr;
}
