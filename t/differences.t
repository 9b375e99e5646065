# Each row of docs/differences.md is true: a case shows what the C module does, and what this
# module does. The rows are read from the page. One that no case reaches fails the test, and
# so does a case whose row is not on the page.
#
# A newer httpd may have mended what a row says of the C module. Then the page is to say so.
# SESSION_CRYPTO_FULL=1 has mpm_prefork too, on which no row depends.

use strict;
use warnings;

use Encode  ();
use FindBin ();
use Test::More;

use SessionCrypto::Batch        ();
use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Classic      ();
use SessionCrypto::Database     qw($CONNECTION $STATEMENTS);
use SessionCrypto::Differences  ();
use SessionCrypto::Httpd        ();
use SessionCrypto::System       qw(read_file run);
use SessionCrypto::Twins        ();

plan(skip_all => 'SESSION_CRYPTO_FULL=1 compares under mpm_prefork too')
    if SessionCrypto::Httpd::env('MPM') eq 'prefork' && !$ENV{SESSION_CRYPTO_FULL};

use constant { PASSPHRASE => 'the-passphrase-of-twins', LARGE => 520 * 1024, FLOOD => 1000, USERS => 40 };
use constant LOGIN => 'httpd_username=joe&httpd_password=correct';

my $differences = SessionCrypto::Differences->new;
my $passphrase  = 'SessionCryptoPassphrase ' . PASSPHRASE . "\n";
my $classic     = SessionCrypto::Classic->new(passphrase => PASSPHRASE);
my $other       = SessionCrypto::Classic->new(passphrase => 'another-passphrase');

my %FILES = (
    'keys/empty'     => '',
    'keys/comment'   => "# ${\PASSPHRASE}\n",
    'keys/bad-line'  => "${\PASSPHRASE}\nexec:bin/missing\n",
    'keys/open'      => qq("${\PASSPHRASE} and the rest\n),
    'keys/jwk-set'   => qq({"keys":[\n{"kty":"oct","kid":"one","k":"${\PASSPHRASE}"}\n]}\n),
    'keys/utf-16'    => "\xff\xfe" . Encode::encode('UTF-16LE', PASSPHRASE . "\n"),
    'keys/nul'       => "${\PASSPHRASE}\0more\n",
    'keys/large'     => PASSPHRASE . "\n" . "# a comment\n" x 100_000,
    'keys/mark'      => "\xef\xbb\xbf${\PASSPHRASE}\n",
    'keys/mark-alone' => "\xef\xbb\xbf",
    'bin/silent'     => ["#!/bin/sh\nexit 0\n", 0755],
    'bin/fail'       => ["#!/bin/sh\necho ${\PASSPHRASE}\nexit 3\n", 0755],
    # The hash of `correct`, made by `openssl passwd -apr1`.
    'users'          => ['joe:$apr1$WGkoydIX$2PFx9TKMAAtRIMO9l3zIj0' . "\n", 0644],
    'htdocs/exec/.htaccess'   => ["SessionCryptoPassphrase \"exec:/bin/echo ${\PASSPHRASE}\"\n", 0644],
    'htdocs/many-33/.htaccess' => ['SessionCryptoPassphrase' . " ${\PASSPHRASE}" x 33 . "\n", 0644],
    'htdocs/many-32/.htaccess' => ['SessionCryptoPassphrase' . " ${\PASSPHRASE}" x 32 . "\n", 0644],
);

# Each is a row, a name, the verdict on the C module, that on this module, and lines. `works`
# instead of a verdict has sessions of either module open on the other.
my @FRAGMENTS = (
    ['format',           'a CBC cipher',             'classic', 'classic', "${passphrase}SessionCryptoCipher aes128"],
    ['format',           'AES-GCM',                  'unsaved', 'jwe',     "${passphrase}SessionCryptoCipher aes-256-gcm"],
    ['empty-file',       'an empty file',            'clear',   'refused', 'SessionCryptoPassphraseFile keys/empty'],
    ['empty-file',       'a comment only',           'clear',   'refused', 'SessionCryptoPassphraseFile keys/comment'],
    ['bad-line',         'a program that is missing', 'classic', 'refused', 'SessionCryptoPassphraseFile keys/bad-line'],
    ['open-quote',       'a quote that is not closed', 'classic', 'refused', 'SessionCryptoPassphraseFile keys/open'],
    ['jwk-set',          'a JWK Set',                'classic', 'refused', 'SessionCryptoPassphraseFile keys/jwk-set'],
    ['utf-16',           'UTF-16',                   'classic', 'refused', 'SessionCryptoPassphraseFile keys/utf-16'],
    ['utf-16',           'a NUL byte',               'classic', 'refused', 'SessionCryptoPassphraseFile keys/nul'],
    ['large-file',       'more than 1 MiB',          'classic', 'refused', 'SessionCryptoPassphraseFile keys/large'],
    ['many-passphrases', '1,024 passphrases',        'classic', 'classic', passphrases(256, 4)],
    ['many-passphrases', '1,025 passphrases',        'classic', 'refused', passphrases(205, 5)],
    ['byte-order-mark',  'a mark and a passphrase',  'classic', 'classic', 'SessionCryptoPassphraseFile keys/mark'],
    ['byte-order-mark',  'a mark alone',             'classic', 'refused', 'SessionCryptoPassphraseFile keys/mark-alone'],
    ['exec-fails',       'a missing program',        'classic', 'refused', 'SessionCryptoPassphrase exec:bin/missing'],
    ['exec-fails',       'a silent program',         'classic', 'refused', 'SessionCryptoPassphrase exec:bin/silent'],
    ['unknown-cipher',   'a cipher that is not',     'unsaved', 'refused', "${passphrase}SessionCryptoCipher rot13"],
    ['ciphers',          'a list',                   'refused', 'classic', "${passphrase}SessionCryptoCipher aes256 aes128"],
    ['ciphers',          'another CBC cipher',       'unsaved', 'classic', "${passphrase}SessionCryptoCipher aria-256-cbc"],
    ['digest',           'a digest',                 'refused', 'classic', "${passphrase}SessionCryptoDigest SHA256"],
    ['purpose',          'a purpose',                'refused', 'jwe',     "${passphrase}SessionCryptoCipher aes-256-gcm\nSessionCryptoPurpose shop"],
    ['lifetime',         'SessionCryptoMaxLifetime', 'refused', 'classic', "${passphrase}SessionCryptoMaxLifetime 1h"],
    ['lifetime',         'SessionCryptoNotBefore',   'refused', 'classic', "${passphrase}SessionCryptoNotBefore 2020-01-01T00:00:00Z"],
    ['key-file',         'SessionCryptoKeyFile',     'refused', 'jwe',     'SessionCryptoKeyFile keys/key-file'],
    ['certificates',     'a certificate',            'refused', 'jwe',     "SessionCryptoCertificateFile twin.pem\nSessionCryptoCertificateKeyFile twin.key"],
    ['idle-passphrase',  'a passphrase for no key',  'refused', 'refused', "SessionCryptoCertificateFile twin.pem\nSessionCryptoCertificateKeyFile twin.key\n$passphrase"],
);

my $twins = SessionCrypto::Twins->new('differences', files => \%FILES, echo => '^/(?!none|nobody)', config => <<"END");
<Location /none>
    SessionCryptoPassphrase another-passphrase
    ErrorDocument 404 /second
</Location>
<Location /second>
    $passphrase
</Location>
<Location /nobody>
    ErrorDocument 404 /second
</Location>
END
for my $httpd ($twins->c, $twins->ours) {
    certificate($httpd->dir, 'twin', 'ec:P-256');
    $httpd->write_file('keys/key-file', run(SessionCrypto::Httpd::env('HTSESSION'), 'key'), 0600);
}
# For requests. The number of a fragment is its path.
my @REQUESTS = (
    login       => $passphrase . form(),
    plain       => $passphrase,
    aged        => "${passphrase}SessionMaxAge 1000",
    rotated     => "SessionCryptoPassphrase another-passphrase ${\PASSPHRASE}",
    lives       => "$passphrase<IfDirective SessionCryptoMaxLifetime>\nSessionCryptoMaxLifetime 1h\n</IfDirective>",
);
my %path = map { ($REQUESTS[2 * $_] => '/' . (@FRAGMENTS + $_)) } 0 .. $#REQUESTS / 2;

my @verdicts = $twins->judge((map { $_->[4] } @FRAGMENTS), map { $REQUESTS[2 * $_ + 1] } 0 .. $#REQUESTS / 2);
for my $number (0 .. $#FRAGMENTS) {
    my ($row, $name, $c, $ours) = @{ $FRAGMENTS[$number] };
    shows($row, $name, [@{ $verdicts[$number] }{qw(c ours)}], [$c, $ours]);
}
diag("$REQUESTS[2 * $_]: $verdicts[@FRAGMENTS + $_]{c}, $verdicts[@FRAGMENTS + $_]{ours}")
    for grep { my $v = $verdicts[@FRAGMENTS + $_]; $v->{c} eq 'refused' || $v->{ours} eq 'refused' } 0 .. $#REQUESTS / 2;

requests();
htaccess();
$twins->stop;
$twins->ours->log->expect(qr/\[session_crypto:info\] .*session refused/, 'tokens that do not open');
$twins->ours->log->expect(qr/SC04\d\d|SC0251|SC0[57]\d\d|SC02\d\d/, 'the configurations, and a session that is too large');
is(scalar(() = $_->log->lines(qr/exit signal/)), 0, 'no child has crashed') for $twins->c, $twins->ours;

drivers();
failure();
databases();
new_things();
load_order();
$differences->all_are_reached;
done_testing;

# Asserts that a case shows a row: what the C module does, and what this module does.
sub shows {
    my ($row, $name, $seen, $expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $is_row = $differences->is_row($row);
    ok($is_row, "docs/differences.md has a row '$row'") if !$is_row;
    $differences->reach($row) if $is_row;
    return is_deeply({ c => $seen->[0], ours => $seen->[1] }, { c => $expected->[0], ours => $expected->[1] }, "$row: $name");
}

sub form {
    return <<'END';
AuthType Form
AuthName private
AuthFormProvider file
AuthUserFile "users"
Require valid-user
END
}

# So many lines with so many passphrases each.
sub passphrases {
    my ($words, $lines) = @_;
    return join '', ('SessionCryptoPassphrase' . " ${\PASSPHRASE}" x $words . "\n") x $lines;
}

# The answers of both to one request.
sub both {
    my ($seen, @request) = @_;
    return [map { $seen->($_) } $twins->ask(\@request)];
}

sub body  { return $_[0]->status . ' ' . $_[0]->body =~ s/(?<=expiry=)\d+/N/r }
sub write_of { return SessionCrypto::Twins::kind($_[0]->token) }

sub requests {
    my $session = $classic->token('user=joe');
    my $unknown = $other->token('user=joe');
    my $expired = $classic->token('private-user=joe&private-pw=correct&expiry=1');

    shows('not-decrypted', 'the request goes on', both(\&body, $path{plain}, session => $unknown), ['200 ', '200 ']);
    shows('not-decrypted', 'a login over it', both(\&write_of, $path{login}, POST => LOGIN, session => 'junk'), [qw(unsaved classic)]);
    shows('not-decrypted', 'without a cookie', both(\&write_of, $path{login}, POST => LOGIN), [qw(classic classic)]);
    shows('expired', 'a login over it', both(\&write_of, $path{login}, POST => LOGIN, session => $expired), [qw(unsaved classic)]);
    shows('other-key', 'an empty session replaces it', both(sub { opened($_[0]->token) }, $path{aged}, session => $unknown), [('expiry') x 2]);
    shows('old-key', 'a session that is read', both(\&write_of, $path{rotated}, session => $session), [qw(unsaved classic)]);
    shows('old-key', 'a session that changes', both(\&write_of, $path{rotated}, session => $session, 'X-S' => 'user=jane'), [qw(classic classic)]);
    shows('large', 'a session above 512 KiB', both(\&write_of, $path{plain}, 'X-S' => 'user=' . 'x' x LARGE), [qw(classic unsaved)]);
    shows('large', 'its line', [map { scalar(() = $_->log->lines(qr/session_crypto:error\] .*524288|session_crypto:error\] .*512/)) } $twins->c, $twins->ours], [0, 1]);
    shows('base64', "$_->[0] after it", both(\&body, $path{plain}, session => $session . $_->[1]), ['200 user=joe', '200 '])
        for ['words', '!junk'], ['a dot', '.'], ['a space and words', ' junk'], ['a second padding', '==='];
    shows('base64', 'not canonical', both(\&body, $path{plain}, session => noncanonical()), ['200 user=joe', '200 ']);

    shows('nul', 'in a session', both(\&body, $path{plain}, session => $classic->token("user=joe\0&role=none")), ['200 user=joe', '200 ']);
    shows('own-entry', 'where sessions have a birth', both(\&body, $path{lives}, session => $classic->token('user=joe&session-crypto=app')),
        ['200 user=joe&session-crypto=app', '200 user=joe']);

    my $redirect = sub { both(\&body, "/none", @_) };
    my $of_first = $other->token('user=first');
    shows('internal-redirect', 'the session of the first section', $redirect->(session => $of_first), ['404 user=first', '404 ']);
    shows('internal-redirect', 'a session of the second', $redirect->(session => $session), [('404 user=joe') x 2]);
    shows('internal-redirect', 'the same from a section in clear', both(\&body, '/nobody', session => $session), ['404 ', '404 user=joe']);

    # The passphrase in the file, with the mark and without it.
    my ($number) = grep { $FRAGMENTS[$_][0] eq 'byte-order-mark' } 0 .. $#FRAGMENTS;
    my $marked   = SessionCrypto::Classic->new(passphrase => "\xef\xbb\xbf${\PASSPHRASE}")->token('user=joe');
    shows('byte-order-mark', 'the mark is part of the passphrase', both(\&body, "/$number", session => $marked),  ['200 user=joe', '200 ']);
    shows('byte-order-mark', 'or is not',                         both(\&body, "/$number", session => $session), ['200 ', '200 user=joe']);
    short_sessions();
    return;
}

# More sessions of a C server without a user than this module derives keys for at once, and
# then sessions that are as short, with a user.
sub short_sessions {
    my $batch = SessionCrypto::Batch->new($twins->c);
    my @flood = map { $_->token } $batch->ask(([$path{aged}]) x FLOOD);
    my @short = map { $_->token } $batch->ask(([$path{aged}, 'X-S' => 'k=v']) x USERS);
    my @last  = splice @flood, -@short;
    my @ask   = map { [$path{aged}, session => $_] } @flood, map { ($last[$_], $short[$_]) } 0 .. $#short;
    my @opens = map { my $which = $_; scalar grep { $_->[$which]->body =~ /\bk=v\b/ } $twins->ask_all(\@ask) } 0, 1;
    note("of ${\USERS} short sessions, the C module opens $opens[0], and this one $opens[1]");
    shows('says-nothing', 'short ones beside a flood', [map { $_ == USERS ? 'all' : 'some' } @opens], [qw(all some)]);
    return;
}

# The value with which a cookie is replaced.
sub opened {
    my ($token) = @_;
    return 'nothing' if !defined $token;
    return ($classic->open($token) // 'a session of another key') =~ s/\Aexpiry=\d+\z/expiry/r;
}

# 56 bytes end in one `=`: two bits of the last character are not used.
sub noncanonical {
    my $alphabet = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '+', '/';
    return $classic->token('user=joe') =~ s/(.)=\z/substr($alphabet, index($alphabet, $1) | 1, 1) . '='/er;
}

sub htaccess {
    my %LINES = map { $_ => "Session On\n" } qw(exec many-33 many-32);
    my @status = map { my $client = $_->client; [map { $client->get("/$_/")->status } qw(exec many-32 many-33)] } $twins->c, $twins->ours;
    shows('exec-htaccess', 'a program', [map { $_->[0] } @status], [200, 500]);
    shows('many-passphrases', '32 in .htaccess', [map { $_->[1] } @status], [200, 200]);
    shows('many-passphrases', '33 in .htaccess', [map { $_->[2] } @status], [200, 500]);
    return;
}

sub drivers {
    my $verdict = sub {
        my ($module, $lines, %args) = @_;
        my $httpd = SessionCrypto::Httpd->new(name => "driver-$module", module => $module, config => $lines, %args);
        my ($ok, $output) = $httpd->check;
        return ($output =~ /\[session_crypto:warn/ ? 'a warning' : 'accepted') if $ok;
        return 'refused';
    };
    my $case = sub {
        my ($row, $name, $expected, $lines, %args) = @_;
        shows($row, $name, [map { $verdict->($_, $lines, %args) } qw(c ours)], $expected);
    };
    $case->('driver',         'OpenSSL',              [qw(accepted accepted)], 'SessionCryptoDriver openssl');
    $case->('driver',         'NSS',                  [qw(accepted refused)],  'SessionCryptoDriver nss');
    $case->('unknown-driver', 'a driver that is not', [qw(accepted refused)],  'SessionCryptoDriver gnutls');
    $case->('unknown-driver', 'a parameter',          [qw(accepted refused)],  'SessionCryptoDriver openssl colour=red');
    $case->('engines',        'an engine that is not', [qw(accepted refused)], 'SessionCryptoDriver openssl engine=no-such-engine');
    $case->('engines',        'an engine for a section that is not', [qw(refused refused)], "<Location /a>\nSessionCryptoEngine no-such-engine\n</Location>");
    $case->('revocation',     'SessionCryptoRevocation', [qw(refused accepted)], "SessionMaxAge 1000\n${passphrase}SessionCryptoRevocation on");
    $case->('device',         'SessionCryptoDevice',  [qw(refused accepted)],
        "ServerName https://127.0.0.1\n${passphrase}SessionCryptoDevice offer\n<Location /session-device>\nSetHandler session-crypto-device\n</Location>");
    $case->('warnings',       'sessions without an end', ['accepted', 'a warning'], "SessionCryptoPassphrase ${\PASSPHRASE}", accept => '');
    return;
}

# OpenSSL has no memory while a cookie is opened.
sub failure {
    my $work    = SessionCrypto::Httpd->new(name => 'differences-fault')->dir;
    my $library = "$work/faults.so";
    run($ENV{CC} // 'cc', '-Wall', '-shared', '-fPIC', '-o', $library, "$FindBin::Bin/faults/faults.c", '-lcrypto');
    chmod 0755, $library or die "$library: $!\n";
    my $token = $classic->token('user=joe');
    my @seen;
    for my $module (qw(c ours)) {
        my $httpd = SessionCrypto::Httpd->new(name => "fault-$module", module => $module, one_child => 1, config => "${passphrase}SessionMaxAge 1000\n");
        local $ENV{LD_PRELOAD}           = $library;
        local $ENV{SESSION_CRYPTO_FAULT} = "$work/fault-$module";
        local $ENV{SESSION_CRYPTO_FAULT_CALLER} = $module eq 'c' ? 'apr' : 'mod_session_crypto';
        $httpd->start;
        open my $file, '>', "$work/fault-$module" or die "$work: $!\n";
        print {$file} "EVP_DecryptInit_ex 0\n";
        close $file or die "$work: $!\n";
        my $replaced = $httpd->client->get('/', session => $token)->token;
        like(read_file("$work/fault-$module"), qr/failed/, "$module: a call of OpenSSL has failed");
        push @seen, opened($replaced);
        $httpd->stop;
    }
    shows('openssl-fails', 'the cookie', \@seen, ['expiry', 'nothing']);
    return;
}

# A session in a database, and a request that is led from one URL to another.
sub databases {
    my ($lua) = SessionCrypto::Httpd::env('LUA') =~ m{^(.*)/};
    my (%seen, %warned);
    for my $module (qw(c ours)) {
        my $httpd = SessionCrypto::Httpd->new(name => "dbd-$module", module => $module, one_child => 1, session => '', accept => 'SC0402 SC0403',
            echo => '^/(?:page|login)', config => $CONNECTION, handlers => qq(LuaMapHandler ^/sql "$lua/sql.lua"));
        my ($ok, $output) = $httpd->check;
        if (!$ok && $output =~ /DBDriver/) {
            $differences->reach('database-redirect');
            return note('no driver for sqlite3: install libaprutil1-dbd-sqlite3');
        }
        $httpd->start;
        $httpd->client->get('/sql', 'X-Sql' => 'create table session (key text primary key, value text, expiry integer)');
        $httpd->stop;
        $httpd->{config} .= $STATEMENTS . <<"END";
Session On
SessionEnv On
SessionHeader X-S
SessionDBDCookieName session path=/
${passphrase}ErrorDocument 404 /page
END
        $httpd->start;
        my $client = $httpd->client;
        my $key    = $client->get('/login', 'X-S' => 'user=joe')->token;
        $seen{$module}   = join ', ', map { $client->get($_, session => $key)->body || 'none' } '/page', '/missing';
        $warned{$module} = () = $httpd->log->lines(qr/SessionDBDCookieRemove/);
        $httpd->stop;
    }
    shows('database-redirect', 'the session', [@seen{qw(c ours)}], [('user=joe, none') x 2]);
    shows('database-redirect', 'a warning', [@warned{qw(c ours)}], [0, 1]);
    return;
}

# The words of the log about a token, and those of the page that counts.
sub new_things {
    my (@lines, @counts);
    for my $module (qw(c ours)) {
        my $httpd = SessionCrypto::Httpd->new(name => "log-$module", module => $module, echo => '^/(?!status)', config => <<"END")->start;
$passphrase
<Location /status>
    Session Off
    SetHandler session-crypto-status
</Location>
END
        $httpd->client->get('/', session => $other->token('user=joe'));
        my %count = (error => 0, info => 0);
        $count{$_}++ for map { /\[session\w*:(error|info)\] .*\[client / } $httpd->log->lines;
        push @lines, $count{error} > 1 ? 'several errors' : "$count{error} errors, $count{info} info";
        push @counts, $httpd->client->get('/status?json')->status;
        $httpd->stop;
    }
    shows('not-decrypted-log', 'its lines', \@lines, ['several errors', '0 errors, 1 info']);
    shows('counts', 'the status page', \@counts, [404, 200]);
    return;
}

sub load_order {
    my @seen;
    for my $module (qw(c ours)) {
        my ($ok, $output) = SessionCrypto::Httpd->new(name => "order-$module", module => $module, load => 'first', config => $passphrase)->check;
        push @seen, $ok ? 'works' : $output =~ /undefined symbol/ ? 'undefined symbol' : $output;
    }
    shows('loaded-first', 'before mod_session', \@seen, ['undefined symbol', 'works']);
    return;
}
