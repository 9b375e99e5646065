# Failures of a hardware token:
#
#   a wrong PIN is tried once, not with each request
#   requests do not each look for a hardware token that is away
#   one thread at a time asks for an object that is not on it
#   a key that only signs is a mistake that shows at startup
#   nobody is logged out while the hardware token is away

use strict;
use warnings;

use POSIX       ();
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Engines       qw(log_of seal section);
use SessionCrypto::HardwareToken ();
use SessionCrypto::Httpd         ();
use SessionCrypto::System        qw(read_file);

# A secret: no message may have it.
use constant PIN => 'S3cr3t-pin';
# Seconds. The module looks once a second for a hardware token that is away.
use constant PATIENCE => 1.1;
# Most calls of the PKCS#11 library in one look for a hardware token.
use constant LOOK => 20;
# Clients at once, and the requests of each.
use constant { CLIENTS => 24, REQUESTS => 40 };
# Users who come while the hardware token is away.
use constant VISITORS => 5;

my $files = SessionCrypto::Httpd->new(name => 'hsm-failures-files')->dir;
my $hardware = SessionCrypto::HardwareToken->new("$files/hsm", pin => PIN);
my %pem   = map { my ($name, @make) = @$_; ($name => $hardware->make_key($name, @make)) }
    ['rsa', 'rsa:2048'], ['ec', 'ec:P-256'], ['sign-ec', 'ec:P-256', '--usage-sign'],
    ['sign-rsa', 'rsa:2048', '--usage-sign', '--allowed-mechanisms', 'RSA-PKCS,RSA-PKCS-PSS'];
$hardware->store_certificate($_) for sort keys %pem;
my $engine = 'SessionCryptoEngine pkcs11';
my $pin    = 'SessionCryptoPassphrase ' . PIN;

# Sections that a request meets together: the PIN in one, the key in the other.
$hardware->watch(sub {
    my ($calls) = @_;
    my $late = server('hsm-late', ['late'], section('/late', $engine, pair('rsa')),
        directory('late', 'SessionCryptoPassphrase S3cr3t-wrong'));
    $late->start;
    my @log = log_of($late, sub {
        is(seal($late, '/late/'), '', 'a wrong PIN, where only a request has key and PIN: nothing is sealed') for 1 .. 30;
    });
    is(scalar(grep { /\[session_crypto:error\] .*: look for the hardware token, at the names in this URI, and at the PIN, / } @log), 30,
        'error_log has a line for each request, and says where to look');
    is_deeply([grep { /^C_Login/ } $calls->()], ['C_Login S3cr3t-wrong'], 'and the hardware token gets one login');
    ends($late, qr/\[session(?:_crypto)?:error\] .*\[client /);
});

# The right PIN in the server configuration, and passphrases of .htaccess in its place.
$hardware->watch(sub {
    my ($calls) = @_;
    my $inside = server('hsm-inside', ['hsm'], directory('hsm', $engine, $pin, pair('rsa')));
    $inside->start;
    my $sealed = seal($inside, '/hsm/');
    is($inside->client->get('/hsm/', session => $sealed)->body, 'user=joe', 'the PIN of the server configuration opens a session');
    my $before = () = grep { /^C_Login/ } $calls->();
    my @said;
    for my $passphrase (PIN, 'S3cr3t-other') {
        $inside->write_file('htdocs/hsm/.htaccess', "SessionCryptoPassphrase $passphrase\n");
        my $answer;
        my @log = log_of($inside, sub {
            my @answers = map { $inside->client->get('/hsm/', @$_) } ['X-S' => 'user=joe'], [session => $sealed];
            $answer = join ' ', map { $_->status, $_->token // 'none', $_->body } @answers;
        });
        push @said, [$answer, map { s/^.*?\[client \S+ //r } @log];
    }
    is_deeply($said[0], $said[1], 'a passphrase of .htaccess has the same answer, whether or not it is the PIN');
    is($said[0][0], '200 none  200 none ', 'without a session');
    is(scalar(() = grep { /^C_Login/ } $calls->()), $before, 'and without a login');
    ends($inside, qr/\[session(?:_crypto)?:error\] .*\[client /);
});

# One engine by several names. Each section has a purpose, and so content keys of its
# own.
my @NAMES = ('engine:pkcs11', 'pkcs11', undef);
my $named = join "\n", 'SessionCryptoDriver openssl engine=pkcs11', $pin,
    map { section("/$_", ($NAMES[$_] ? "SessionCryptoEngine $NAMES[$_]" : ()), pair('rsa'), "SessionCryptoPurpose purpose-$_") } 0 .. $#NAMES;
my $other = server('hsm-other', [], $named)->start;
$hardware->watch(sub {
    my ($calls) = @_;
    my $one = server('hsm-names', [], $named)->start;
    my %sealed = map { $_ => seal($other, "/$_") } 0 .. $#NAMES;
    $hardware->take_away;
    my $looks  = sub { scalar grep { /^C_(?:Initialize|FindObjectsInit|DecryptInit)/ } $calls->() };
    my $before = $looks->();
    my $start  = time;
    my %body;
    $body{ $one->client->get('/0', session => $sealed{0})->body }++ for 1 .. 60;
    is_deeply(\%body, { '' => 60 }, 'the hardware token away: a token that needs it does not open');
    cmp_ok($looks->() - $before, '<=', most($start), 'and the module looks for it once a second');
    is($one->client->get("/$_", session => $sealed{$_})->body, '', "/$_, by another name of the engine: nor does it open") for 1 .. $#NAMES;
    $hardware->put_back;
    sleep PATIENCE;
    is($one->client->get("/$_", session => $sealed{$_})->body, 'user=joe', "the hardware token back: /$_ opens") for 0 .. $#NAMES;
    isnt(seal($one, "/$_"), '', 'and seals') for 0 .. $#NAMES;
    ends($one, qr/\[session(?:_crypto)?:error\] .*\[client /);
});

# With SessionMaxAge each response has a cookie. While the hardware token is away, no
# cookie replaces a token that cannot be opened.
{
    my $away     = server('hsm-away', [], "SessionMaxAge 3600\n$named")->start;
    my @users    = map { "user=joe-$_" } 1 .. VISITORS;
    my %visitors = map { $_ => $other->client->get('/0', 'X-S' => $_)->token // '' } @users;
    $hardware->take_away;
    my @sent = map { $away->client->get('/0', session => $visitors{$_})->token } (@users) x 2;
    is_deeply(\@sent, [(undef) x (2 * VISITORS)], 'the hardware token away: no cookie is replaced');
    my $login = $away->client->get('/0', session => $visitors{ $users[0] }, 'X-S' => 'user=jane')->token // '';
    like($away->client->get('/0', session => $login)->body, qr/\Auser=jane\b/, 'except by a login');
    $hardware->put_back;
    sleep PATIENCE;
    is_deeply([map { $away->client->get('/0', session => $visitors{$_})->body =~ s/&expiry=\d+\z//r } @users], \@users,
        'the hardware token back: nobody was logged out');
    ends($away, qr/\[session(?:_crypto)?:error\] .*\[client /);
}
ends($other);

# Many threads ask for objects that are not there, while others use a key of the
# hardware token: a certificate file of .htaccess takes a signature. The spy slows each
# call down, and so lets threads meet that should not.
my @dirs   = map { "many/$_" } 1 .. CLIENTS * REQUESTS;
my %absent = ('no-token' => $hardware->uri('rsa', type => 'cert', token => 'none-such'), 'no-object' => $hardware->uri('none-such', type => 'cert'));
# The PIN is in another section, so only a request has PIN and key.
my $absent = server('hsm-absent', [keys %absent, @dirs], section('/rsa', $engine, $pin, pair('rsa')),
    directory('many', $engine, $pin, pair('ec')),
    map { (directory($_, $pin), section("/$_", $engine, qq(SessionCryptoCertificateFile "$absent{$_}"),
        'SessionCryptoCertificateKeyFile "' . $hardware->uri('rsa') . '"')) } sort keys %absent);
for (@dirs) {
    my $certificate = $absent->write_file("htdocs/$_/ec.pem", read_file($pem{ec}));
    $absent->write_file("htdocs/$_/.htaccess", qq(SessionCryptoCertificateFile "$certificate"\n));
}
$hardware->watch(sub {
    my ($calls) = @_;
    $absent->start;
    my $sealed = seal($absent, '/rsa');
    my $looks  = sub { scalar grep { /^C_FindObjectsInit/ } $calls->() };
    my $before = $looks->();
    my $start  = time;
    is_deeply([at_once(sub {
        my ($number) = @_;
        my $client = $absent->client;
        for my $request (1 .. REQUESTS) {
            if ($number % 6) {
                my $path = $request % 2 ? '/no-token/' : '/no-object/';
                my $res  = $client->get($path, session => $sealed, 'X-S' => 'user=joe');
                return 0 if $res->status != 200 || $res->body ne '' || defined $res->token;
            }
            else {
                my $path  = '/many/' . ($number * REQUESTS + $request) . '/';
                my $token = $client->get($path, 'X-S' => 'user=joe')->token // return 0;
                return 0 if $client->get($path, session => $token)->body ne 'user=joe';
            }
        }
        return 1;
    })], [(1) x CLIENTS], 'a certificate that is not on the hardware token: requests that need it have no session, others have theirs');
    cmp_ok($looks->() - $before, '<=', most($start), 'and the module looks at the hardware token once a second');
    is($absent->client->get('/rsa', session => $sealed)->body, 'user=joe', 'older sessions open too');
    like(join("\n", $absent->log->lines(qr/session_crypto:error/)), qr/$_=none-such/, "and error_log says which $_ is not there") for qw(token object);
    ends($absent, qr/\[session(?:_crypto)?:error\] .*\[client .*(?:none-such|session_load|AH018)/);
});

# Keys that only sign.
for my $name (qw(sign-rsa sign-ec)) {
    my $signing = server("hsm-$name", [], $engine, $pin, pair($name));
    my $started = eval { $signing->start };
    my $said    = $@;
    ok(!$started, "$name: httpd does not start with a key that cannot decrypt");
    like($said, qr/sessions cannot be sealed: .*\S{8}/, 'error_log says why');
    unlike($said, qr/S3cr3t/, 'and no secret');
    $signing->stop;
}

done_testing;

sub pair {
    my ($name) = @_;
    return (qq(SessionCryptoCertificateFile "$pem{$name}"), 'SessionCryptoCertificateKeyFile "' . $hardware->uri($name) . '"');
}

sub directory {
    my ($name, @lines) = @_;
    return join "\n", qq(<Directory "\@DIR\@/htdocs/$name">), @lines, "</Directory>\n";
}

# httpd applies a <Directory> section only to a directory that exists.
sub server {
    my ($name, $dirs, @lines) = @_;
    my $httpd = SessionCrypto::Httpd->new(name => $name, config => join("\n", @lines), one_child => 1);
    $httpd->write_file("htdocs/$_/here", '') for @$dirs;
    return $httpd;
}

sub ends {
    my ($httpd, @expected) = @_;
    $httpd->stop;
    $httpd->log->expect($_, 'the failures under test') for @expected;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $httpd->log->clean("$httpd->{name}: nothing unexpected in error_log");
}

# The most calls of the PKCS#11 library that looking may take from a time on.
sub most { my ($start) = @_; return LOOK * (1 + int(time - $start)) }

# Runs `work` in several processes at once, and returns 1 or 0 for each.
sub at_once {
    my ($work) = @_;
    my @pids;
    for my $number (0 .. CLIENTS - 1) {
        my $pid = fork // die "fork: $!\n";
        POSIX::_exit(eval { $work->($number) } ? 0 : 1) if !$pid;
        push @pids, $pid;
    }
    return map { waitpid($_, 0); $? == 0 ? 1 : 0 } @pids;
}
