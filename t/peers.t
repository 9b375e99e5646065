# All that httpd's own tests ask of mod_session (t/modules/session.t and session_cookie.t of
# httpd-tests) holds for encrypted cookies in each format, and so does what they list as known
# failures: an application can write to a session that cannot be decoded (PR 58171), and to one
# that has expired (PR 56052).
#
# The C module goes through the same table, which shows that the table is right: it fails
# where httpd's tests say so, and nowhere else.

use strict;
use warnings;

use FindBin ();
use Test::More;

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate);
use SessionCrypto::Classic        ();
use SessionCrypto::Httpd          ();
use SessionCrypto::Jwe            ();
use SessionCrypto::System         qw(run);

use constant { PASSPHRASE => 'a passphrase for the tests of peers', MAX_AGE => 100, INTERVAL => 50 };
use constant TEST => 'test=value';

my $now = time;
my ($later, $at_most, $old) = map { ($now + $_) . '000000' } 200, MAX_AGE, 40;

# name => [path, session of the cookie, request headers, result]. A session that begins with
# `raw:` is the cookie's value as it is. The result has
#
#   body      of the answer
#   saved     the session that is saved, without its expiry; without this, none is
#   dirty     1: the session has changed
#   expires   1: it has an expiry of the future
#   pr        the number of a known failure of httpd
my @TABLE = (
    'no session is written where Session is Off'  => ['/off', undef, ['X-Put' => TEST], {}],
    'a new session without entries is not saved'  => ['/on', undef, [], {}],
    'an entry is set'                             => ['/on', undef, ['X-Put' => TEST], { saved => TEST, dirty => 1 }],
    'an entry is read'                            => ['/on', TEST, ['X-Get' => 'test'], { body => 'value' }],
    'an entry is dropped'                         => ['/on', TEST, ['X-Put' => 'test'], { saved => '', dirty => 1 }],
    'an entry is changed'                         => ['/on', TEST, ['X-Put' => 'test='], { saved => 'test=', dirty => 1 }],
    'a session in clear is none'                  => ['/on/env', 'raw:' . TEST, [], { body => '' }],
    'a session that no pair can be read from'     => ['/on/env', '&=test', [], { body => '' }],
    'a session that does not decode can be written' => ['/on', 'raw:' . TEST, ['X-Put' => TEST], { saved => TEST, dirty => 1, pr => 58_171 }],
    'SessionEnv Off'                              => ['/on', TEST, [], {}],
    'SessionEnv On'                               => ['/on/env', TEST, [], { body => TEST }],
    'SessionHeader'                               => ['/on', TEST . '&another=1', ['X-S' => 'another=5&last=7'], { saved => TEST . '&another=5&last=7', dirty => 1 }],
    'SessionMaxAge gives an expiry'               => ['/on/expire', TEST, [], { saved => TEST, expires => 1 }],
    'an expired session is discarded'             => ['/on/expire', TEST . '&expiry=1', [], { saved => '', expires => 1 }],
    'one that has not expired is kept'            => ['/on/expire', TEST . "&expiry=$later", [], { saved => TEST, expires => 1 }],
    'an expired session can be written'           => ['/on/expire', 'expiry=1', ['X-Put' => TEST], { saved => TEST, dirty => 1, expires => 1, pr => 56_052 }],
    'SessionExpiryUpdateInterval is off unless set' => ['/on/expire', TEST . "&expiry=$at_most", [], { saved => TEST, expires => 1 }],
    'SessionExpiryUpdateInterval leaves a session unsaved' => ['/on/expire/cache', TEST . "&expiry=$at_most", [], {}],
    'which can be read'                           => ['/on/expire/cache', TEST . "&expiry=$at_most", ['X-Get' => 'test'], { body => 'value' }],
    'a change is saved all the same'              => ['/on/expire/cache', TEST . "&expiry=$at_most", ['X-Put' => TEST], { saved => TEST, dirty => 1, expires => 1 }],
    'and so is an old session'                    => ['/on/expire/cache', TEST . "&expiry=$old", [], { saved => TEST, expires => 1 }],
    'a new session with an expiry is not saved'   => ['/on/expire/cache', undef, [], {}],
    'but can be written'                          => ['/on/expire/cache', undef, ['X-Put' => TEST], { saved => TEST, dirty => 1, expires => 1 }],
    'no session is written where it is not included' => ['/on/include', TEST, ['X-Put' => TEST], {}],
    'it can be read where it is'                  => ['/on/include/yes', TEST, ['X-Get' => 'test'], { body => 'value' }],
    'SessionExclude is stronger'                  => ['/on/include/yes/no', TEST, ['X-Put' => TEST], {}],
);

my $CONFIG = <<"END";
LoadModule session_pages_module "\@DIR\@/mod_session_pages.so"
SetHandler session-pages
SessionHeader X-S
SessionCookieName session path=/
<LocationMatch "^/[a-z]+/on">
    Session On
</LocationMatch>
<LocationMatch "/env\$">
    SessionEnv On
</LocationMatch>
<LocationMatch "/expire">
    SessionMaxAge @{[MAX_AGE]}
</LocationMatch>
<LocationMatch "/cache\$">
    SessionExpiryUpdateInterval @{[INTERVAL]}
</LocationMatch>
END

my %LINES = (
    classic     => "SessionCryptoPassphrase \"@{[PASSPHRASE]}\"\nSessionCryptoCipher aes256\n",
    jwe         => "SessionCryptoPassphrase \"@{[PASSPHRASE]}\"\nSessionCryptoCipher aes-256-gcm\n",
    certificate => "SessionCryptoCertificateFile \@DIR\@/peers.pem\nSessionCryptoCertificateKeyFile \@DIR\@/peers.key\n",
);

for my $module (qw(ours c)) {
    my @formats = $module eq 'c' ? 'classic' : sort keys %LINES;
    my $httpd   = start($module, @formats);
    my $client  = $httpd->client;
    for my $format (@formats) {
        subtest "$module, $format" => sub { holds($module, $httpd, $client, $format) };
    }
    # Each answer sets a cookie, whatever its status (PR 60910).
    for my $path (qw(on none)) {
        my $status = $path eq 'none' ? 404 : 200;
        my $res    = $client->get("/$formats[0]/$path/expire");
        is($res->status, $status, "$module: an answer with the status $status");
        is(scalar(() = $res->header('set-cookie')), 1, "$module: sets one cookie");
    }
    $httpd->stop;
    $httpd->log->expect(qr/\[session_crypto:info\] .*session refused/, 'a session in clear') if $module eq 'ours';
    $httpd->log->expect(qr/AH01842|AH01817|AH01819/, 'the same, as the C module says it') if $module eq 'c';
    $httpd->log->clean("$module: nothing unexpected in error_log");
}

done_testing;

sub start {
    my ($module, @formats) = @_;
    my $httpd = SessionCrypto::Httpd->new(name => "peers_$module", module => $module, session => '', echo => '^/echo');
    my $sections = '';
    for my $format (@formats) {
        $sections .= <<"END";
<Location /$format>
$LINES{$format}</Location>
<Location /$format/on/include>
    SessionInclude /$format/on/include/yes
    SessionExclude /$format/on/include/yes/no
</Location>
<Location /$format/none>
    Session On
    SetHandler default-handler
</Location>
END
    }
    my %pair = %{ certificate($httpd->dir, 'peers', 'ec:P-256') };
    $httpd->{key} = {
        classic     => SessionCrypto::Classic->new(passphrase => PASSPHRASE, cipher => 'aes256'),
        jwe         => SessionCrypto::Jwe->new(passphrase => PASSPHRASE),
        certificate => SessionCrypto::CertificateJwe->new(%pair),
    };
    my %path = map { /^(\w+)=(.*)$/ ? ($1, $2) : () } split /\n/, run("$FindBin::Bin/../apxs/find", qw(includedir apr_includedir apu_includedir cppflags));
    my $library = $httpd->dir . '/mod_session_pages.so';
    run($ENV{CC} // 'cc', '-Wall', '-Werror', '-shared', '-fPIC', '-o', $library, split(' ', $path{cppflags}),
        map({"-I$path{$_}"} qw(includedir apr_includedir apu_includedir)), "$FindBin::Bin/peers/mod_session_pages.c");
    chmod 0755, $library or die "$library: $!\n";
    $httpd->{config} = $CONFIG . $sections;
    return $httpd->start;
}

sub holds {
    my ($module, $httpd, $client, $format) = @_;
    my $key = $httpd->{key}{$format};
    for (my $row = 0; $row < @TABLE; $row += 2) {
        my ($name, $case) = @TABLE[$row, $row + 1];
        my ($path, $session, $headers, $result) = @$case;
        my @cookie = !defined $session ? () : $session =~ /^raw:(.*)/ ? (session => $1)
            : (session => $format eq 'classic' ? $key->token($session) : $key->token(session => $session));
        my $res = $client->get("/$format$path", @cookie, @$headers);
        my %seen = (status => $res->status, body => $res->body, dirty => ($res->header('x-dirty'))[0] // 0);
        my $token = $res->token;
        if (defined $token) {
            # mod_session_cookie has a cookie removed where the session is empty.
            my $text = $token eq '' ? '' : $key->open($token) // 'a session in clear';
            $seen{expires} = 1 if $text =~ s/(?:^|&)expiry=(\d+)(?=&|$)// && $1 / 1e6 > $now + 30;
            $seen{saved} = $text;
        }
        my $expected = { status => 200, body => '(none)', dirty => 0, %$result };
        my $number   = delete $expected->{pr};
        if ($module eq 'c' && $number) {
            my $holds = ($seen{saved} // '') eq $result->{saved};
            note("$name (PR $number): ", $holds ? 'this httpd has mended it' : 'this httpd does not');
            next;
        }
        is_deeply(\%seen, $expected, $name . ($number ? " (PR $number)" : ''));
    }
    return;
}
