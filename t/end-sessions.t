# The handler session-crypto-end-sessions ends all sessions of a user. A request of another
# site, of another method or without a user ends none, and no request ends sessions of
# another key, or of another user unless the section says so.

use strict;
use warnings;

use IO::Socket::INET ();
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Httpd   ();
use SessionCrypto::Jwe     ();
use SessionCrypto::KeySets qw(key key_set);
use SessionCrypto::Store   ();

use constant PASSPHRASE => 'the passphrase of the applications';
# Far longer than it takes another server to know.
use constant SECONDS => 20;
use constant FORGETS    => qr/a stop of the server forgets ended sessions/;

my $MODULES = SessionCrypto::Httpd::env('C_MODULE') =~ s{/[^/]+\z}{}r;
my %HAS     = map { $_ => -e "$MODULES/mod_$_.so" } qw(include mime rewrite);

my $CONFIG = 'SessionCryptoPassphrase "' . PASSPHRASE . '"' . <<'END';

SessionCryptoCipher aes-256-gcm
<LocationMatch "^(?:/[a-z]+)?/out">
    SetHandler session-crypto-end-sessions
</LocationMatch>
<Location "/out/any">
    SessionCryptoEndSessionsFor any
</Location>
<Location "/out/any/realm">
    AuthName "Private Area"
    AuthType None
</Location>
<Location "/out/any/own">
    SessionCryptoEndSessionsFor own
</Location>
<Location "/named">
    SessionCryptoUserEntry login
    SessionCryptoEndSessionsFor any
</Location>
<Location "/other">
    SessionCryptoPassphrase "the passphrase of another application"
    SessionCryptoEndSessionsFor any
</Location>
<Location "/purpose">
    SessionCryptoPurpose shop
</Location>
<Location "/classic">
    SessionCryptoCipher aes256
</Location>
<Location "/rotated">
    SessionCryptoPassphrase "the next passphrase" "the passphrase of the applications"
</Location>
<Directory "@DIR@/htdocs/author">
    AllowOverride AuthConfig FileInfo
</Directory>
<Location "/keys">
    SessionCryptoKeyFile @DIR@/keys
</Location>
<Location "/off">
    Session Off
</Location>
END

my $httpd  = server(end => "SessionCryptoRevocation on\n$CONFIG");
my $client = $httpd->client;

# A session with these entries, of a section.
sub login {
    my ($session, $path) = @_;
    return $client->get($path // '/', 'X-S' => $session)->token;
}

# Whether a copy of a session still has its entries.
sub works {
    my ($token, $path) = @_;
    return $client->get($path // '/', session => $token)->body ne '';
}

# The number of lines about sessions that are ended in so many records.
sub ended { return scalar(() = $httpd->log->lines(qr/\] SC0221: the sessions of a user are ended, in $_[0]$/)) }

# Asks for the end of sessions, and returns the status.
sub out {
    my ($token, %args) = @_;
    my @session = defined $token ? (session => $token) : ();
    my $path    = $args{path} // '/out';
    return $client->request($args{method} // 'POST', $path, $args{form}, @session, @{ $args{headers} // [] });
}

# Sends less of a form than the request announces, and returns the status.
sub cut_off {
    my ($token) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $httpd->port) or die "$@\n";
    print {$socket} "POST /out HTTP/1.0\r\nHost: 127.0.0.1\r\nCookie: session=$token\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ncsrf=";
    $socket->flush;
    shutdown $socket, 1;
    my ($status) = (<$socket> // '') =~ m{^HTTP/\S+ (\d+)};
    return $status;
}

subtest 'a request that is refused ends nothing' => sub {
    my $joe = login('user=joe');
    for my $method (qw(GET HEAD PUT DELETE OPTIONS PATCH REPORT post)) {
        my $res = out($joe, method => $method);
        is($res->status, 405, $method);
        is_deeply([grep { $_ ne 'TRACE' } map { split /,\s*/ } $res->header('allow')], ['POST'], 'Allow: POST');
    }
    my $host = '127.0.0.1';
    my @REFUSED = (
        ['Sec-Fetch-Site' => 'cross-site'],
        ['Sec-Fetch-Site' => 'same-site'],
        ['Sec-Fetch-Site' => 'none'],
        ['Sec-Fetch-Site' => ''],
        ['Sec-Fetch-Site' => 'cross-site', Origin => "http://$host"],
        ['Sec-Fetch-Site' => 'same-origin', 'Sec-Fetch-Site' => 'same-origin'],
        [Origin => 'http://evil.example'],
        [Origin => "http://$host.evil.example"],
        [Origin => "http://$host:8080"],
        [Origin => "http://$host", Origin => 'http://evil.example'],
        [Origin => 'null'],
        [Origin => ''],
    );
    for my $headers (@REFUSED) {
        is(out($joe, headers => $headers)->status, 403, "@$headers");
    }
    my %STATUS = (
        'no session'                    => [403, undef],
        'junk for a session'            => [403, 'junk'],
        'a session without a user'      => [403, login('cart=full&users=joe&user-agent=x')],
        'a session with an empty user'  => [403, login('cart=full&user=')],
        'a form with a user'            => [403, $joe, form => 'user=jane'],
        'a form with its own user'      => [403, $joe, form => 'user=joe'],
        'a form with an entry'          => [400, $joe, form => 'entry=user'],
        'a form with an empty user'     => [400, $joe, form => 'user='],
        'a form with two users'         => [400, $joe, form => 'user=joe&user=jane'],
        'a form with a NUL byte'        => [400, $joe, form => 'x=%00'],
        'a form that is too long'       => [413, $joe, form => 'x=' . 'x' x 8200],
        'JSON'                          => [415, $joe, form => '{"user":"jane"}', headers => ['Content-Type' => 'application/json']],
        'a form in parts'               => [415, $joe, form => '--x--', headers => ['Content-Type' => 'multipart/form-data; boundary=x']],
        'a section without sessions'    => [403, $joe, path => '/off/out'],
    );
    for my $name (sort keys %STATUS) {
        my ($status, $token, %args) = @{ $STATUS{$name} };
        is(out($token, %args)->status, $status, $name);
    }
    is(cut_off($joe), 400, 'a form that is cut off');
    ok(works($joe), 'the session goes on after all that');
};

subtest 'a user ends all sessions of his own' => sub {
    my @joe   = map { login('user=joe') } 1 .. 3;
    my $stale = login('user=joe&cart=full');
    my $jane  = login('user=jane');
    my $upper = login('user=Joe');
    my $other = login('user=joe', '/other');
    my $shop  = login('user=joe', '/purpose');
    my $entry = login('login=joe', '/named');
    my $res   = out($joe[0]);
    is($res->status, 204, 'the answer is 204');
    is(ended('one record'), 1, 'the log tells it');
    is($res->body,   '',  'without a body');
    is($res->token,  '',  'and the cookie is removed');
    ok(!works($_), 'a session of the user has ended') for @joe, $stale;
    ok(works($jane),               'that of another user has not');
    ok(works($upper),              'nor that of a user in another case');
    ok(works($other, '/other'),    'nor one under another passphrase');
    ok(works($shop,  '/purpose'),  'nor one for another purpose');
    ok(works($entry, '/named'),    'nor one that names its user in another entry');
    is(out($joe[1])->status, 403, 'who has no session cannot end any');
    ok(works(login('user=joe')), 'a login right after it sticks');
};

subtest 'the author of a .htaccess file' => sub {
    my ($joe, $here) = (login('user=joe'), login('user=joe', '/author/'));
    is(out($here, path => '/author/out.here')->status, 204, 'ends sessions of his own directory');
    ok(!works($here, '/author/'), 'which have ended');
    ok(works($joe), 'and no others');
};

subtest 'another server has begun a session, and its clock is ahead' => sub {
    my $key  = SessionCrypto::Jwe->new(passphrase => PASSPHRASE);
    my $name = 'AAAAAAAAAAAAAAAAAAAAA';
    my ($joe, $copy) = map { $key->token(session => 'user=joe&session-crypto=' . (int(time) + 5) . ".$name$_") } qw(A Q);
    ok(works($_), 'it works') for $joe, $copy;
    is(out($joe)->status, 204, 'its user ends it');
    ok(!works($_), 'and all that began as early') for $joe, $copy;
    ok(works(login('user=joe')), 'a login right after that sticks');
};

subtest 'a page of this host may ask' => sub {
    for my $headers (
        [],
        ['Sec-Fetch-Site' => 'same-origin'],
        ['Sec-Fetch-Site' => 'same-origin', Origin => 'https://127.0.0.1'],
        [Origin => 'http://127.0.0.1'],
        [Origin => 'http://127.0.0.1:80'],
        [Origin => 'https://127.0.0.1'],
        )
    {
        my $joe = login('user=joe');
        is(out($joe, headers => $headers)->status, 204, "@$headers");
        ok(!works($joe), 'the session has ended');
    }
    my $joe = login('user=joe');
    is(out($joe, form => '')->status,       204, 'with an empty form');
    $joe = login('user=joe');
    is(out($joe, form => 'csrf=x')->status, 204, 'with a form about something else');
};

subtest 'each entry that names a user counts' => sub {
    my $both = login('user=joe&Private Area-user=jane&cart=full');
    my @ended = (login('user=joe'), login('Private%20Area-USER=jane'), login('user=x&Private%20Area-user=jane'));
    my @others = (login('user=jane'), login('Private%20Area-user=joe'), login('Other-user=jane'));
    $both = login('user=joe&Private%20Area-user=jane&cart=full');
    is(out($both)->status, 204, 'a session with two of them');
    ok(!works($_), 'a session with one of them has ended') for @ended;
    ok(works($_),  'others have not') for @others;
    my $many = join '&', map { "$_-user=joe" } 1 .. 17;
    is(out(login($many))->status, 503, 'too many are refused');
    my $login = login('login=joe&user=joe', '/named');
    my $user  = login('user=joe');
    is(out($login, path => '/named/out')->status, 204, 'the section may name other entries');
    ok(!works($login, '/named'), 'which count');
    ok(works($user), 'and the usual ones do not');
    ($login, $user) = (login('login=jane', '/named'), login('user=jane'));
    is(out($user, path => '/named/out', form => 'user=jane')->status, 204, 'a form with a user alone');
    ok(!works($login, '/named'), 'means the entries that the section names');
    ok(works($user), 'and no others');
};

subtest 'each key of the section counts' => sub {
    my ($old, $new) = (login('user=joe'), login('user=joe', '/rotated'));
    my $before = ended('2 records');
    is(out($new, path => '/rotated/out')->status, 204, 'under the new passphrase');
    is(ended('2 records') - $before, 1, 'with a record for each of the two');
    ok(!works($new, '/rotated'), 'a session under it has ended');
    ok(!works($old, '/rotated'), 'one under the old passphrase too');
    ok(!works($old),             'wherever that opens it');
    my ($set, $other) = map { login('user=joe', '/keys') } 1, 2;
    $old = login('user=joe');
    ok(works($old, '/keys'), 'a section with a key file beside its passphrases opens both');
    is(out($set, path => '/keys/out')->status, 204, 'there a session of the key file');
    ok(!works($other, '/keys'), 'ends one under it');
    ok(!works($old, '/keys'),   'and one under a passphrase');
    my @classic = map { login('user=joe', '/classic') } 1, 2;
    is(out($classic[0], path => '/classic/out')->status, 204, 'and in the classic format');
    ok(!works($classic[1], '/classic'), 'the other session has ended');
};

subtest 'an administrator ends the sessions of others' => sub {
    my $admin = login('user=admin');
    my $any   = sub { my ($form, %args) = @_; return out($admin, path => '/out/any', form => $form, %args)->status };
    my $jane  = login('user=jane');
    is($any->('user=joe'), 204, 'a user without sessions');
    ok(works($jane), 'others go on');
    is($any->('user=jane'), 204, 'a user with a session');
    ok(!works($jane), 'which has ended');
    ok(works($admin), 'and that of the administrator has not');
    my $zoe = login('user=Zo%C3%AB%20B.');
    is($any->('x=y&user=Zo%C3%AB+B.'), 204, 'a name with other characters');
    ok(!works($zoe), 'is found');
    my ($form, $user) = (login('Private%20Area-user=joe'), login('user=joe'));
    is($any->('user=joe&entry=Private+Area-user'), 204, 'a form names the entry');
    ok(!works($form), 'a session with that has ended');
    ok(works($user), 'and one with another entry has not');
    $form = login('Private%20Area-user=joe');
    is($any->('user=joe', path => '/out/any/realm'), 204, 'the section has the name of a realm');
    ok(!works($_), 'sessions of users who signed in there have ended') for $form, $user;
    is($any->('user=joe&entry=cart'), 400, 'an entry that names nobody');
    is($any->('user=joe&' . join '&', map { "entry=$_-user" } 1 .. 17), 503, 'too many entries');
    $jane = login('user=jane');
    is($any->('user=jane', path => '/out/any/own'), 403, 'a section inside may take it back');
    is($any->('user=jane', headers => ['Sec-Fetch-Site' => 'cross-site']), 403, 'no page of another site may ask');
    is($any->('user=jane', method => 'PUT'), 405, 'it is a POST');
    is(out(login('user=admin', '/other'), path => '/other/out', form => 'user=jane')->status, 204, 'under another passphrase');
    ok(works($jane), 'none of that has ended the session');
    is(out(undef, path => '/out/any', form => 'user=jane')->status, 204, 'no session is needed: httpd decides who may ask');
    ok(!works($jane), 'the session has ended');
    is(out($admin, path => '/out/any', form => 'user=admin')->token, '', 'the administrator himself: the cookie is removed');
    ok(!works($admin), 'has no session any more');
    is(out($admin, path => '/out/any')->status, 403, 'without a form, a session has to name the user');
};

subtest 'only the request itself counts' => sub {
    plan skip_all => 'no mod_include, mod_mime or mod_rewrite' if grep { !$_ } values %HAS;
    my $joe = login('user=joe');
    is(out($joe, path => '/moved/x')->status, 403, 'not one that was redirected');
    is(out($joe, path => '/page.shtml')->status, 200, 'nor one that is part of a page');
    ok(works($joe), 'the session goes on');
};

subtest 'the servers of a farm' => sub {
    my $store = SessionCrypto::Store->new;
    my ($one, $other) = map { server("end-$_" => 'SessionCryptoRevocation ' . $store->url . "\n$CONFIG") } qw(one other);
    my ($joe, $copy, $jane) = map { $other->client->get('/', 'X-S' => "user=$_")->token } qw(joe joe jane);
    is($one->client->post('/out', undef, session => $joe)->status, 204, 'one server ends the sessions of a user');
    my $deadline = time + SECONDS;
    sleep 0.01 until $other->client->get('/', session => $copy)->body eq '' || time > $deadline;
    for my $server ($one, $other) {
        is($server->client->get('/', session => $copy)->body, '', 'which end on each');
        is($server->client->get('/', session => $jane)->body, 'user=jane', 'and those of others do not');
        my $login = $server->client->get('/', 'X-S' => 'user=joe')->token;
        is($_->client->get('/', session => $login)->body, 'user=joe', 'a login sticks') for $one, $other;
    }
    for my $server ($one, $other) {
        $server->stop;
        $store->expect_in($server->log);
        $server->log->expect(qr/\[session_crypto:info\] .*(?:session ended|the sessions of a user are ended)/, 'what this asks for');
        $server->log->clean;
    }
};

subtest 'without a list of ended sessions nothing ends' => sub {
    my $without = server('end-without' => $CONFIG =~ s/SessionCryptoEndSessionsFor \w+//gr);
    my $joe = $without->client->get('/', 'X-S' => 'user=joe')->token;
    my $res = $without->client->post('/out', undef, session => $joe);
    is($res->status, 501, 'the answer is 501');
    like($without->client->get('/', session => $joe)->body, qr/user=joe/, 'the session goes on');
    is($without->client->post('/out', undef, session => $joe, Origin => 'http://evil.example')->status,
        403, 'which another site does not learn');
    $without->stop;
    $without->log->expect(qr/\[session_crypto:error\] .*no sessions ended: there is no list of ended sessions/, '501');
    $without->log->expect(qr/\[session_crypto:info\] .*no sessions ended: a page of another site/, '403');
    $without->log->clean;
};

subtest 'sessions in clear have no key for ids of users' => sub {
    my $clear = server('end-clear' => <<'END');
SessionCryptoRevocation on
<Location "/out">
    SetHandler session-crypto-end-sessions
</Location>
<Location "/sealed">
    SessionCryptoPassphrase "the passphrase of an application"
</Location>
END
    my $joe = $clear->client->get('/', 'X-S' => 'user=joe')->token;
    is($clear->client->post('/out', undef, session => $joe)->status, 501, 'the answer is 501');
    $clear->stop;
    $clear->log->expect(qr/\[session_crypto:error\] .*no sessions ended: the section does not encrypt sessions/, '501');
    $clear->log->expect(FORGETS, 'the list is not kept in a file');
    $clear->log->clean;
};

$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:error\] .*no sessions ended: too many entries name users/, 'two requests with 17');
$httpd->log->expect(qr/\[session_crypto:info\] .*(?:no sessions ended|session refused|session ended|the sessions of a user are ended)/,
    'what the requests above ask for');
$httpd->log->expect(qr{\[include:error\] .*unable to include "/out"}, 'a page that includes the handler');
$httpd->log->expect(FORGETS, 'the list is not kept in a file');
$httpd->log->clean;

done_testing;

sub server {
    my ($name, $config) = @_;
    my $load = join '', map { "LoadModule ${_}_module $MODULES/mod_$_.so\n" } grep { $HAS{$_} } sort keys %HAS;
    my $server = SessionCrypto::Httpd->new(
        name => $name, echo => '^/(?!out|moved|page|[a-z]+/out)', config => $load . $config);
    $server->write_file('keys', key_set(key('one')), 0600);
    if (!grep { !$_ } values %HAS) {
        $server->{config} .= <<'END';
TypesConfig "@DIR@/mime.types"
<Location "/page.shtml">
    SetHandler none
    Options +Includes
    AddType text/html .shtml
    SetOutputFilter INCLUDES
</Location>
<Directory "@DIR@/htdocs">
    Options FollowSymLinks Includes
    RewriteEngine On
    RewriteRule ^moved/ /out [L]
</Directory>
END
        $server->write_file('mime.types', '');
        $server->write_file('htdocs/page.shtml', '<!--#include virtual="/out" -->');
    }
    $server->write_file('htdocs/author/.htaccess', <<'END');
SessionCryptoPassphrase "the passphrase of an author"
<Files "out.here">
    SetHandler session-crypto-end-sessions
</Files>
END
    $server->write_file('htdocs/author/out.here', '');
    return $server->start;
}
