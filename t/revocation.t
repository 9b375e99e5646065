# A logout ends every copy of a session, and a slow response does not bring it back. Other
# sessions of the same user go on, and a login over an ended session sticks.

use strict;
use warnings;

use POSIX      ();
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Formats qw(seen);
use SessionCrypto::Httpd   ();
use SessionCrypto::Jwe     ();
use SessionCrypto::System  qw(read_file);

my $formats = SessionCrypto::Formats->new(name => 'revocation', config => <<'END');
SessionCryptoRevocation on
# One for a slow request, and one for the others. Both have prepared their SQL before the
# first request.
<IfModule mpm_prefork_module>
    StartServers 2
    ServerLimit 2
    MaxRequestWorkers 2
</IfModule>
<LocationMatch "/aged$">
    SessionMaxAge 600
</LocationMatch>
<LocationMatch "/long$">
    SessionCryptoMaxLifetime 60d
</LocationMatch>
<LocationMatch "/(?:form|to-in|to-bye)$">
    AuthType Form
    AuthName private
    AuthFormProvider file
    AuthUserFile "@DIR@/users"
</LocationMatch>
<LocationMatch "/form$">
    Require valid-user
</LocationMatch>
<LocationMatch "/to-in$">
    SetHandler form-login-handler
</LocationMatch>
<LocationMatch "/to-bye$">
    SetHandler form-logout-handler
</LocationMatch>
END
my $httpd = $formats->httpd;
# The hash of `correct`, made by `openssl passwd -apr1`.
$httpd->write_file('users', 'joe:$apr1$WGkoydIX$2PFx9TKMAAtRIMO9l3zIj0' . "\n");
$formats->start;
my $serial = 0;

for my $cell ($formats->cells) {
    subtest "$cell->{name}: copies"    => sub { copies($cell) };
    subtest "$cell->{name}: birthless" => sub { birthless($cell) };
    subtest "$cell->{name}: slow"      => sub { slow($cell) };
    subtest "$cell->{name}: lifetimes" => sub { lifetimes($cell) };
    subtest "$cell->{name}: a form"    => sub { form($cell) };
}
$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*session ended, the request goes on with an empty one: a logout has ended it, or all sessions of its user$/, 'copies of ended sessions');
$httpd->log->expect(qr/\[session_crypto:info\] .*session ended, the request goes on with an empty one: it has reached the age of SessionCryptoMaxLifetime$/, 'old sessions');
$httpd->log->expect(qr/\[session_crypto:info\] .*session ended during this request, and not saved again/, 'slow requests');
$httpd->log->expect(qr/\[session_crypto:info\] .*a stop of the server forgets ended sessions/, 'there is no file=PATH');
$httpd->log->clean;
$formats->stop;
kept();
htaccess();
included();
done_testing;

# Another session with a birth and a name.
sub entry { return sprintf 'session-crypto=%d.%021dA', $_[0] // time - 100, ++$serial }

# The session that a page sees, without its expiry.
sub session {
    my ($page, $cookie) = @_;
    return seen($formats->get($page, session => $cookie))->{session} =~ s/(?:^|&)expiry=\d+//r;
}

# Whether the copy of a session lives after a request with another copy. A copy has another
# token with the same text.
sub copies {
    my ($cell) = @_;
    for (
        # [section, text, what the request sets, whether copies live]
        ['plain', 'user=joe',              'user=',              0],
        ['aged',  'user=joe',              'user=',              0],
        ['plain', 'user=joe&cart=1',       'user=',              0],
        ['plain', 'user=joe&cart=1',       'user=&cart=',        0],
        ['plain', 'user=joe',              'user=jane',          0],
        ['aged',  'a-user=joe&b-user=joe', 'b-user=jane',        0],
        ['plain', 'cart=1',                'cart=',              0],
        ['plain', 'user=joe&cart=1',       'cart=',              1],
        ['plain', 'user=joe',              'user=joe&cart=1',    1],
        ['aged',  'user=joe',              undef,                1],
        ['plain', 'cart=1',                'user=joe',           1],
        ['plain', 'cart=1',                'cart=2',             1],
        ['plain', 'user=joe',              'session-crypto=1.x', 1],
        ['plain', 'user=joe',              'session-crypto=',    1],
    ) {
        my ($section, $text, $set, $lives) = @$_;
        my $page   = "$cell->{path}/$section";
        my $name   = "$section: a copy of '$text' after '" . ($set // 'no change') . "'";
        my $entry  = entry();
        my ($cookie, $copy) = map { $cell->bring("$text&$entry") } 1, 2;
        my $other  = $cell->bring("$text&" . entry());
        is(session($page, $copy), $text, "$name: before");
        my $res = $formats->get($page, session => $cookie, defined $set ? ('X-S' => $set) : ());
        is(session($page, $copy), $lives ? $text : '', $name);
        is(session("$cell->{path}/long", $copy), $lives ? $text : '', 'and in another section');
        is(session($page, $other), $text, 'another session of the same user goes on');
        my $wanted = join '&', grep { length } map { /=./ ? $_ : () } split /&/, $set // '';
        like(session($page, $res->token // ''), qr/\Q$wanted\E/, 'the new session, too') if length $wanted && $wanted !~ /crypto/;
        next if $lives;
        my $login = $formats->get($page, session => $copy, 'X-S' => 'user=jim');
        is(session($page, $login->token // ''), 'user=jim', 'a login over an ended copy sticks');
        is(session($page, $copy), '', 'and the copy stays ended');
        my ($birth) = $entry =~ /=(\d+)/;
        my $later = $entry =~ s/\d+/$birth + 50/er;
        is(session($page, $cell->bring("$text&$later")), '', 'whatever its birth');
    }
    return;
}

# Copies of a token without birth have a name in common.
sub birthless {
    my ($cell) = @_;
    my $page = "$cell->{path}/plain";
    my $pair = sub {
        my $cookie = $cell->bring('user=joe');
        return ($cookie, $cookie) if $cell->{store} eq 'cookie';
        my $copy = $cell->bring('user=joe');
        $formats->sql("update session set value = (select value from session where key = '$cookie') where key = '$copy'");
        return ($cookie, $copy);
    };
    my ($cookie, $copy) = $pair->();
    $formats->get($page, session => $cookie, 'X-S' => 'user=');
    is(session($page, $copy), '', 'a logout with the first copy that comes ends the others');
    my $now = int time;
    sleep 0.02 while time < $now + 1.1;
    is(session($page, $copy), '', 'also when they come later');

    ($cookie, $copy) = $pair->();
    my $saved = $formats->get($page, session => $cookie, 'X-S' => 'cart=1')->token;
    is(session($page, $copy),  'user=joe',        'two copies live');
    is(session($page, $saved), 'user=joe&cart=1', 'one of them has a birth by now');
    $formats->get($page, session => $saved, 'X-S' => 'user=&cart=');
    is(session($page, $copy), '', 'a logout with that one ends the other');
    my $login = $formats->get($page, session => $copy, 'X-S' => 'user=jane');
    is(session($page, $login->token // ''), 'user=jane', 'a login over it sticks');
    return;
}

# A response that began before the logout, and ends after it.
sub slow {
    my ($cell) = @_;
    for (
        # [section, what the slow request sets, what the logout sets, the user afterwards]
        ['plain', 'cart=2',          'user=',     ''],
        ['aged',  undef,             'user=',     ''],
        ['aged',  'cart=2',          'user=',     ''],
        ['plain', 'user=joe',        'user=',     ''],
        ['plain', 'cart=2',          'user=jane', ''],
        ['plain', 'user=jane',       'user=',     'jane'],
        ['aged',  'user=jane',       'user=',     'jane'],
        ['plain', 'user=',           'user=',     ''],
        ['plain', 'cart=2',          'cart=2',    'joe'],
    ) {
        my ($section, $set, $logout, $user) = @$_;
        my $page   = "$cell->{path}/$section";
        my $name   = "$section: a slow request with '" . ($set // 'no change') . "' while another sets '$logout'";
        my $cookie = $cell->bring('user=joe&' . entry());
        my $ours   = $cookie;
        if ($cell->{store} eq 'database') {
            # The slow response may have a row of its own to write to.
            $ours = $cell->bring('user=joe');
            $formats->sql("update session set value = (select value from session where key = '$cookie') where key = '$ours'");
        }
        my $request = begin($page, $ours, $set);
        $formats->get($page, session => $cookie, 'X-S' => $logout);
        my $sent = finish($request);
        my $found = session($page, $sent // $ours);
        if (length $user) { like($found, qr/\buser=\Q$user\E\b/, "$name: is saved") }
        else              { unlike($found, qr/user=/, "$name: brings nobody back") }
        is($sent, undef, 'and sends nothing') if !length $user && ($set // '') ne 'user=';
    }
    return;
}

# Starts a request in another process, and returns when its page has begun.
sub begin {
    my ($page, $cookie, $set) = @_;
    my $gate = $httpd->dir . '/gate' . ++$serial;
    my $pid = open my $answer, '-|' // die "fork: $!\n";
    if (!$pid) {
        my $res = $formats->get($page, session => $cookie, 'X-Gate' => $gate, defined $set ? ('X-S' => $set) : ());
        syswrite STDOUT, join ' ', $res->status, $res->token // ();
        POSIX::_exit(0);
    }
    my $deadline = time + 30;
    until (-e "$gate.here") {
        die "the page has not begun\n" if time > $deadline;
        sleep 0.005;
    }
    return { gate => $gate, answer => $answer };
}

# Lets a request go on, and returns the cookie that it sets.
sub finish {
    my ($request) = @_;
    open my $file, '>', $request->{gate} or die "$request->{gate}: $!\n";
    close $file;
    my ($status, $token) = split / /, readline $request->{answer};
    is($status, 200, 'the slow request is answered');
    return $token;
}

# With revocation, each session has an end.
sub lifetimes {
    my ($cell) = @_;
    for (['plain', 29, 1], ['plain', 30, 0], ['long', 31, 1], ['long', 59, 1], ['long', 60, 0]) {
        my ($section, $days, $lives) = @$_;
        my $cookie = $cell->bring('user=joe&' . entry(time - 86_400 * $days));
        is(session("$cell->{path}/$section", $cookie), $lives ? 'user=joe' : '', "$section: $days days after it began");
    }
    # The record of an old session lives as long as a section accepts it.
    my $entry = entry(time - 86_400 * 29);
    $formats->get("$cell->{path}/plain", session => $cell->bring("user=joe&$entry"), 'X-S' => 'user=');
    is(session("$cell->{path}/$_", $cell->bring("user=joe&$entry")), '', "a logout holds in every section ($_)") for qw(plain long);
    return;
}

# The file of a server: visitors who are nobody fill nothing, and a stop forgets
# nobody.
sub kept {
    my $server = SessionCrypto::Httpd->new(name => 'revocation_kept', config => <<'END')->start;
SessionCryptoRevocation on file=ended size=1000
SessionCryptoPassphrase "a passphrase of three formats"
SessionMaxAge 600
<Location /none>
    SessionMaxAge 0
</Location>
END
    my $records = sub {
        $server->stop;
        my @lines = split /\n/, read_file($server->dir . '/ended');
        note("ended: $_") for @lines;
        $server->start;
        return @lines - 2;
    };
    my $get   = sub { $server->client->get(@_) };
    my $token = $get->('/')->token;
    for (1 .. 100) {
        my $other = $get->('/')->token;
        $get->($_, session => $other), $get->($_, session => $other, 'X-S' => 'user=') for '/', '/none';
        $get->($_, 'X-S' => 'user='), $get->($_, session => 'junk'), $get->($_, session => $other, 'X-S' => 'expiry=1') for '/', '/none';
    }
    # Users who go on.
    my $joe = $get->('/', session => $token, 'X-S' => 'user=joe')->token;
    $joe = $get->('/', session => $joe, 'X-S' => "cart=$_")->token for 1 .. 20;
    $get->('/', session => $joe, 'X-S' => 'user=joe');
    is($records->(), 0, 'anonymous visitors and users who go on leave no record');
    for (1 .. 3) { $get->('/', session => $get->('/', 'X-S' => 'user=jane')->token, 'X-S' => 'user=') }
    $get->('/', session => $joe, 'X-S' => 'user=&cart=') for 1 .. 10;
    is($records->(), 4, 'a logout leaves one, however often it is repeated');
    unlike($get->('/', session => $joe)->body, qr/user/, 'a stop does not forget it');
    $server->stop;
    $server->log->expect(qr/session ended, the request goes on|\[session_crypto:info\] .*session refused/, 'copies, and junk');
    $server->log->expect(qr/AH01819/, 'an expiry that the client has set in the past');
    $server->log->clean;
    return;
}

# Where all settings are in .htaccess, sessions live for 30 days, too.
sub htaccess {
    my $server = SessionCrypto::Httpd->new(name => 'revocation_htaccess', config => "SessionCryptoRevocation on\n");
    my $jwe    = SessionCrypto::Jwe->new(passphrase => 'a passphrase of three formats');
    my $lines  = qq(SessionCryptoPassphrase "a passphrase of three formats"\nSessionCryptoCipher aes-256-gcm\n);
    $server->write_file('htdocs/in/.htaccess', $lines);
    $server->write_file('htdocs/long/.htaccess', $lines . "SessionCryptoMaxLifetime 60d\n");
    $server->start;
    my $client = $server->client;
    for my $path ('/in/', '/long/') {
        my $lives = sub { $client->get($path, session => $jwe->token(session => 'user=joe&' . entry(time - 86_400 * $_[0])))->body };
        is($lives->(29), 'user=joe', "$path: a session of 29 days lives");
        is($lives->(30), '', 'and ends then: the list keeps nothing longer');
        my $token = $client->get($path, 'X-S' => 'user=joe')->token // '';
        is($client->get($path, session => $token)->body, 'user=joe', 'a new one lives');
        $client->get($path, session => $token, 'X-S' => 'user=');
        is($client->get($path, session => $token)->body, '', 'until the logout');
    }
    $server->stop;
    $server->log->expect(qr/session ended, the request goes on/, 'ended sessions');
    $server->log->expect(qr/a stop of the server forgets ended sessions/, 'there is no file=PATH');
    $server->log->clean;
    return;
}

# A page of another realm includes one that logs out. Its session is not saved, and does not
# end either.
sub included {
    my ($modules) = SessionCrypto::Httpd::env('C_MODULE') =~ m{^(.*)/};
    return note('this httpd has no mod_include') if !-e "$modules/mod_include.so";
    my $server = SessionCrypto::Httpd->new(name => 'revocation_included', echo => '^/app/echo', config => <<"END",
LoadModule include_module $modules/mod_include.so
SessionCryptoRevocation on
<Directory "\@DIR\@/htdocs">
    Options Includes
</Directory>
<LocationMatch "[.]shtml\$|/logout\$">
    SetOutputFilter INCLUDES
</LocationMatch>
<Location /app>
    SessionCryptoPassphrase "a passphrase of three formats"
</Location>
<Location /author>
    SessionCryptoPassphrase "a passphrase of an author alone"
</Location>
END
        handlers => 'LuaMapHandler ^/app/logout "@DIR@/logout.lua"');
    $server->{handlers} =~ s/\@DIR\@/$server->{dir}/;
    $server->write_file('logout.lua', <<'END');
function handle(r)
    r.headers_out["X-S"] = "user="
    r.content_type = "text/html"
    r:puts('out <!--#include virtual="/app/echo" -->')
    return apache2.OK
end
END
    $server->write_file('htdocs/author/page.shtml', '<!--#include virtual="/app/logout" -->');
    $server->start;
    my $client = $server->client;
    my $token  = $client->get('/app/echo', 'X-S' => 'user=joe')->token;
    like($client->get('/author/page.shtml', session => $token)->body, qr/out user=joe/, 'a page of another realm includes a logout');
    is($client->get('/app/echo', session => $token)->body, 'user=joe', 'and ends nothing');
    $client->get('/app/logout', session => $token);
    is($client->get('/app/echo', session => $token)->body, '', 'the logout itself does');
    $server->stop;
    $server->log->expect(qr/session ended, the request goes on|session refused/, 'ended sessions, and those of the other realm');
    $server->log->expect(qr/a stop of the server forgets ended sessions/, 'there is no file=PATH');
    $server->log->clean;
    return;
}

# mod_auth_form, with its own logout.
sub form {
    my ($cell) = @_;
    my $page = "$cell->{path}/form";
    my $login = sub { $formats->post(shift, 'httpd_username=joe&httpd_password=correct', @_)->token // '' };
    my $cookie = $login->($page);
    my $text   = $cell->text($cookie);
    my $copy   = $cell->bring($text);
    my $other  = $login->($page);
    is($formats->get($page, session => $_)->status, 200, 'a login, a copy of it, and another login') for $cookie, $copy, $other;
    # A login again as the same user is the same session.
    my $again = $login->("$cell->{path}/to-in", session => $cookie);
    is($cell->text($again) =~ s/.*(session-crypto=[^&]*).*/$1/r, $text =~ s/.*(session-crypto=[^&]*).*/$1/r, 'a login again renews nothing');
    $formats->get("$cell->{path}/to-bye", session => $again);
    is($formats->get($page, session => $copy)->status, 401, 'after the logout the copy lets nobody in');
    is($formats->get($page, session => $other)->status, 200, 'the other login does');
    is($formats->get($page, session => $login->($page, session => $copy))->status, 200, 'and a login over the copy');
    $httpd->log->expect(qr/AH01807|AH01811|AH02982/, 'a page that asks for a login');
    return;
}
