# Certificates and keys that .htaccess names. A new file counts from the next request
# on, if the server's processes can read it. Mistakes answer 500 or keep no session; no
# session goes out in clear.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate key_in openssl);
use SessionCrypto::Httpd          ();
use SessionCrypto::Startup        qw(HTACCESS);
use SessionCrypto::System         qw(read_file);

# KiB.
use constant MAX_GROWTH => 20_000;

# Attempts at the private keys of a section; sections that one author may have opened at
# once; seconds until there is another. See core/src/certificate/attempts.rs.
use constant { ATTEMPTS => 32, BURST => 4, INTERVAL => 10 };

my $httpd = SessionCrypto::Httpd->new(name => 'certificates-htaccess', config => <<'END_OF_CONFIG');
<Directory "@DIR@/htdocs/server">
    SessionCryptoCertificateFile server.pem
    SessionCryptoCertificateKeyFile server.key
</Directory>
END_OF_CONFIG
my $dir  = $httpd->dir;
my %pair = map { my $kind = $_; map { ("$kind-$_" => certificate($dir, ($kind =~ s/:/-/r) . "-$_", $kind)) } 1 .. 3 }
    'rsa:2048', 'ec:P-256';
$pair{server}  = certificate($dir, 'server',  'rsa:2048');
$pair{ed25519} = certificate($dir, 'ed25519', 'ed25519');
$pair{short}   = certificate($dir, 'short',   'rsa:1024');
my %key = map { $_ => SessionCrypto::CertificateJwe->new(%{ $pair{$_} }) } grep { !/ed25519|short/ } keys %pair;
my $encrypted = key_in('encrypted PKCS#8', $pair{'ec:P-256-1'}, "$dir/encrypted.key", 'secret');
# httpd applies a <Directory> section only to a directory that exists.
$httpd->write_file('htdocs/server/here', '');
$httpd->start;
my $client = $httpd->client;

# Files that are replaced.
for my $kind ('rsa:2048', 'ec:P-256') {
    my $path = '/' . ($kind =~ s/:/-/r) . '/';
    htaccess($path, 'SessionCryptoCertificateFile site.pem', 'SessionCryptoCertificateKeyFile site.key');
    my %token;
    for my $step ([1, \&replace], [2, \&replace], [1, \&replace], [3, \&overwrite], [2, \&overwrite], [3, \&replace],
        [2, \&disguise], [1, \&disguise]) {
        my ($number, $change) = @$step;
        $change->($pair{"$kind-$number"}, 'site');
        for (1 .. 8) {
            my $token = $client->get($path, 'X-S' => 'user=joe')->token // '';
            is($key{"$kind-$number"}->open($token), 'user=joe', "$path: files with pair $number seal from the next request on");
            $token{$number} = $token;
            is($client->get($path, session => $token{$_})->body, $_ == $number ? 'user=joe' : '',
                "and a token under pair $_ " . ($_ == $number ? 'opens' : 'does not')) for sort keys %token;
        }
    }
}

# Lines that change.
{
    my $path = '/lines/';
    my ($one, $two) = ('rsa:2048-1', 'ec:P-256-2');
    htaccess($path, lines($one));
    my $token = $client->get($path, 'X-S' => 'user=joe')->token // '';
    is($key{$one}->open($token), 'user=joe', "$path: a certificate seals");
    htaccess($path, lines($two, $one));
    my $res = $client->get($path, session => $token);
    is($res->body, 'user=joe', 'and opens when it is the second');
    is($key{$two}->open($res->token // ''), 'user=joe', 'its session is sealed again under the first');
    htaccess($path, lines($two));
    is($client->get($path, session => $token)->body, '', 'and does not open when it is gone');
    htaccess($path, "SessionCryptoCertificateFile $pair{'ec:P-256-1'}{certificate}", "SessionCryptoCertificateKeyFile $encrypted",
        'SessionCryptoPassphrase wrong secret');
    $token = $client->get($path, 'X-S' => 'user=joe')->token // '';
    is($key{'ec:P-256-1'}->open($token), 'user=joe', 'an encrypted key, and its passphrase');
    htaccess($path, lines($two), 'SessionCryptoCipher aes-128-gcm');
    $token = $client->get($path, 'X-S' => 'user=joe')->token // '';
    is($key{$two}->open($token), 'user=joe', 'another setting beside it');
}

# Settings that cannot be used.
my $pem = $pair{'ec:P-256-1'}{certificate};
my $own = $pair{'ec:P-256-1'}{key};
my %bad = (
    'a certificate on a hardware token'  => [certificate_file('pkcs11:token=t;object=o'), key_file($own)],
    'a key on a hardware token'          => [certificate_file($pem), key_file('pkcs11:token=t;object=o?pin-value=1')],
    'a key on a hardware token, in capitals' => [certificate_file($pem), key_file('PKCS11:token=t')],
    'a key on a hardware token, second'  => [certificate_file($pem), "SessionCryptoCertificateKeyFile $own pkcs11:token=t"],
    'no such certificate'            => [certificate_file("$dir/none.pem"), key_file($own)],
    'no such key'                    => [certificate_file($pem), key_file("$dir/none.key")],
    'no key'                         => [certificate_file($pem)],
    'the key of another certificate' => [certificate_file($pem), key_file($pair{'ec:P-256-2'}{key})],
    'a key in place of a certificate' => [certificate_file($own), key_file($own)],
    'a certificate in place of a key' => [certificate_file($pem), key_file($pem)],
    'an empty certificate'           => [certificate_file($httpd->write_file('empty', '')), key_file($own)],
    'an empty key'                   => [certificate_file($pem), key_file($httpd->write_file('empty', ''))],
    'a directory'                    => [certificate_file($dir), key_file($own)],
    'an encrypted key without its passphrase'  => [certificate_file($pem), key_file($encrypted)],
    'an encrypted key, a wrong passphrase'     => [certificate_file($pem), key_file($encrypted), 'SessionCryptoPassphrase wrong'],
    'a kind of key that cannot encrypt'        => [lines('ed25519')],
    'a key that is too short'                  => [lines('short')],
    'a cipher in CBC mode'           => [lines('ec:P-256-1'), 'SessionCryptoCipher aes256'],
    'a second certificate without its key'     => ["SessionCryptoCertificateFile $pem $pair{server}{certificate}", key_file($own)],
);
my $good = $client->get('/server/', 'X-S' => 'user=joe')->token // '';
for my $name (sort keys %bad) {
    htaccess('/bad/', @{ $bad{$name} });
    keeps_no_session($name, '/bad/', $good, $key{'ec:P-256-1'}->token(session => 'user=mallory'));
}
for my $name (grep { /hardware token|no such/ } sort keys %bad) {
    htaccess('/bad/', @{ $bad{$name} });
    is($client->get('/bad/')->status, 500, "$name: answers 500");
}

# A key that the server has and an author must not have: httpd read it as root, and its
# processes cannot. These tests do not run as root, so the right to read the file goes
# away after httpd has started.
chmod 0, $pair{server}{key} or die "$pair{server}{key}: $!\n";
symlink $pair{server}{key}, "$dir/link.key" or die "$dir/link.key: $!\n";
my %thief = (
    'the same lines'                 => [lines('server')],
    'paths as the server has them'   => ['SessionCryptoCertificateFile server.pem', 'SessionCryptoCertificateKeyFile server.key'],
    'another path to the key'        => [certificate_file('server.pem'), key_file("$dir/htdocs/../server.key")],
    'a link to the key'              => [certificate_file('server.pem'), key_file("$dir/link.key")],
    'an own key beside it'           => [certificate_file('server.pem'), "SessionCryptoCertificateKeyFile $own server.key"],
    'an own certificate first'       => [lines('ec:P-256-1', 'server')],
    'the certificate only'           => [certificate_file('server.pem')],
);
for my $name (sort keys %thief) {
    for my $path ('/thief/', '/server/thief/') {
        # A directory below the server's section inherits its key, and may use it.
        next if $name eq 'the certificate only' && $path eq '/server/thief/';
        htaccess($path, @{ $thief{$name} });
        keeps_no_session("the server's key, by $name", $path, $good, $key{server}->token(session => 'user=mallory'));
        my $token = $client->get('/server/', 'X-S' => 'user=joe')->token // '';
        is($key{server}->open($token), 'user=joe', 'while the server goes on sealing with it');
        is($client->get('/server/', session => $good)->body, 'user=joe', 'and opening');
    }
}
# Only the right to read was missing.
chmod 0400, $pair{server}{key} or die "$pair{server}{key}: $!\n";
for my $name (grep { !/only|first/ } sort keys %thief) {
    htaccess('/thief/', @{ $thief{$name} });
    my $token = $client->get('/thief/', 'X-S' => 'user=joe')->token // '';
    is($key{server}->open($token), 'user=joe', "$name: the settings work where the process can read the key");
}

# A large certificate that differs with each request must not grow the child. (A comment
# in it makes it large.)
{
    my $small = SessionCrypto::Httpd->new(name => 'certificates-memory', one_child => 1);
    my $own   = $small->dir;
    my %size  = (most => 20_000, more => 60_000);
    for my $name (sort keys %size) {
        my $path = "$own/$name.pem";
        openssl(qw(req -new -x509 -days 30 -subj /CN=large -key), $pair{'ec:P-256-1'}{key}, '-out', $path, '-addext', 'nsComment=' . 'x' x $size{$name});
        $small->write_file("htdocs/$name/.htaccess", certificate_file($path) . "\n" . key_file($pair{'ec:P-256-1'}{key}) . "\n");
    }
    $small->start;
    my %answer = (most => 200, more => 500);
    my $touched = 1e9;
    my $touch_and_get = sub {
        my ($name) = @_;
        utime $touched, ++$touched, "$own/$name.pem" or die "$name.pem: $!\n";
        return $small->client->get("/$name/", 'X-S' => 'user=joe');
    };
    for my $name (sort keys %size) {
        $touch_and_get->($name) for 1 .. 20;
        my ($child) = my @children = $small->children;
        is(@children, 1, 'there is one child');
        my $before = memory($child);
        my %status;
        $status{ $touch_and_get->($name)->status }++ for 1 .. 200;
        is_deeply(\%status, { $answer{$name} => 200 }, "a certificate with $size{$name} bytes of comment: answers $answer{$name}");
        cmp_ok(memory($child) - $before, '<', MAX_GROWTH, 'and 200 of them do not grow the child');
    }
    $small->stop;
    $small->log->expect(qr{\[core:alert\] .*/more/${\HTACCESS}.*is larger than}, 'the certificate that is too large');
    $small->log->clean;
}

# Encrypted keys in one directory after the other, each with as many passphrases as the
# module tries. The right one comes last.
{
    my $other = SessionCrypto::Httpd->new(name => 'certificates-attempts', one_child => 1, config => <<"END_OF_CONFIG");
<Directory "\@DIR@/htdocs/server">
    SessionCryptoCertificateFile $pem
    SessionCryptoCertificateKeyFile $encrypted
    SessionCryptoPassphrase secret
</Directory>
END_OF_CONFIG
    my $in = sub {
        my ($name, $key, @passphrases) = @_;
        my @lines = (certificate_file($pem), $key, @passphrases ? "SessionCryptoPassphrase @passphrases" : ());
        return $other->write_file("htdocs/$name/.htaccess", join '', map { "$_\n" } @lines);
    };
    my $wrong = sub { my ($name, $count) = @_; return map { "$name-$_" } 1 .. $count };
    $in->($_, key_file($encrypted), $wrong->($_, ATTEMPTS - 1), 'secret') for 1 .. 12;
    $in->('long', "SessionCryptoCertificateKeyFile $own $encrypted $encrypted", $wrong->('long', ATTEMPTS / 2), 'secret');
    $in->('plain', key_file($own));
    $other->write_file('htdocs/server/here', '');
    $other->start;
    my $start = time;
    my $get   = sub { my ($name, %with) = @_; return $other->client->get("/$name/", %with) };
    my $good  = $key{'ec:P-256-1'}->token(session => 'user=joe');
    my $res   = $get->('long', 'X-S' => 'user=joe');
    is($res->token // '', '', 'two keys with more passphrases than the module tries: nothing is sealed');
    my $place = qr{on line 2 of .*/long/\.htaccess: SessionCryptoCertificateKeyFile: };
    my ($line) = $other->log->lines($place);
    like($line // '', qr/32 attempts .*: write the right passphrase first, .*\(the passphrases stand on line 3 of /, 'and a line says what to write');
    my (@opens, @keeps_out);
    for my $name (1 .. 12) {
        my $res = $get->($name, session => $good);
        push @{ $res->body eq 'user=joe' ? \@opens : \@keeps_out }, $name;
        is($res->token, undef, "/$name/: the cookie stays what it is") if $res->body eq '';
    }
    # The section above has had one attempt; httpd counts whole seconds.
    my $later = sub { return int((time - $start + 1) / INTERVAL) };
    cmp_ok(scalar @opens, '>=', BURST - 1, 'some sections of an author open');
    cmp_ok(scalar @opens, '<=', BURST - 1 + $later->(), 'and no more');
    my $sealed = grep { $get->($_, 'X-S' => 'user=joe')->token } @keeps_out;
    cmp_ok(@opens + $sealed, '<=', BURST - 1 + $later->(), 'and the others seal nothing');
    cmp_ok(scalar(() = $other->log->lines(qr/no passphrase has been tried on it yet: .*: wait for some seconds, or write a private key that is not encrypted/)),
        '>=', @keeps_out, 'a line says why, and what to write');
    for my $name (@opens[0, -1], 'plain', 'server') {
        is($get->($name, session => $good)->body, 'user=joe', "while /$name/ opens");
        is($key{'ec:P-256-1'}->open($get->($name, 'X-S' => 'user=jane')->token // ''), 'user=jane', 'and seals');
    }
    $other->stop;
    $other->log->expect(qr/\[session(?:_crypto)?:error\] .*\[client /, 'attempts above the bound');
    $other->log->clean;
}

$httpd->stop;
$httpd->log->expect(qr{\[core:alert\] .*/${\HTACCESS}},                    'a .htaccess file with a mistake');
$httpd->log->expect(qr/\[session(?:_crypto)?:error\] .*\[client /,         'settings that cannot be used together');
$httpd->log->expect(qr/\[session_crypto:info\] .*session refused/,         'a token under files that are gone');
$httpd->log->clean;

done_testing;

# Asks several times, because each process keeps its own.
sub keeps_no_session {
    my ($name, $path, @tokens) = @_;
    subtest "$path keeps no session: $name" => sub {
        for my $session (map { (undef, $_) } @tokens, @tokens) {
            for my $set (undef, 'user=mallory') {
                my $res = $client->get($path, defined $session ? (session => $session) : (), defined $set ? ('X-S' => $set) : ());
                like($res->status, qr/\A(?:200|500)\z/, 'an answer');
                unlike($res->body, qr/user=/, 'opens nothing');
                is($res->token || undef, undef, 'and seals nothing');
            }
        }
    };
    return;
}

sub htaccess {
    my ($path, @lines) = @_;
    return $httpd->write_file("htdocs$path.htaccess", join '', map { "$_\n" } @lines);
}

sub lines {
    my ($one, @more) = map { $pair{$_} } @_;
    return map { my $what = $_; "SessionCrypto$$what[0] " . join ' ', map { $$_{ $$what[1] } } $one, @more }
        ['CertificateFile', 'certificate'], ['CertificateKeyFile', 'key'];
}

sub certificate_file { return qq(SessionCryptoCertificateFile "$_[0]") }

sub key_file { return qq(SessionCryptoCertificateKeyFile "$_[0]") }

# The memory of a process, in KiB.
sub memory { return read_file("/proc/$_[0]/status") =~ /^VmRSS:\s+(\d+) kB$/m ? $1 : die "no VmRSS of $_[0]\n" }

# Gives a site another pair: new files in place of the old, or new text in the same
# files.
sub replace {
    my ($pair, $name) = @_;
    $httpd->write_file("$name.pem", read_file($pair->{certificate}));
    $httpd->write_file("$name.key", read_file($pair->{key}));
    return;
}

sub overwrite {
    my ($pair, $name) = @_;
    for (["$dir/$name.pem", $pair->{certificate}], ["$dir/$name.key", $pair->{key}]) {
        open my $file, '>:raw', $$_[0] or die "$$_[0]: $!\n";
        print {$file} read_file($$_[1]);
        close $file or die "$$_[0]: $!\n";
    }
    return;
}

# Writes new text, and leaves all that `ls -l` shows as it was.
sub disguise {
    my ($pair, $name) = @_;
    overwrite($pair, $name);
    for my $path ("$dir/$name.pem", "$dir/$name.key") {
        open my $file, '>>:raw', $path or die "$path: $!\n";
        print {$file} "\n" x (4096 - -s $path);
        close $file or die "$path: $!\n";
        utime 1e9, 1e9, $path or die "$path: $!\n";
    }
    return;
}
