# Chromium binds its sessions over TLS and HTTP/2, whatever way a person comes to log in: it
# registers, refreshes, loses nothing meanwhile, and nobody is locked out where refreshes do
# not come through.
#
# SESSION_CRYPTO_FULL=1 has mpm_prefork too, which speaks HTTP/1.1. Otherwise a browser makes
# no difference between MPMs.

use strict;
use warnings;

use FindBin    ();
use Test::More;

use SessionCrypto::DeviceBrowser ();
use SessionCrypto::Httpd         ();
use SessionCrypto::Pages         qw(blocks);
use SessionCrypto::System        qw(read_file write_file);
use SessionCrypto::Waiting       qw(wait_until);

use constant { BOUND => '__Host-session-device', KEY => '__Secure-session-device-key' };
use constant SECONDS => 20;
use constant HAS_HTTP2 => SessionCrypto::Httpd::env('MPM') ne 'prefork';

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');
plan(skip_all => 'mpm_prefork has no HTTP/2: SESSION_CRYPTO_FULL=1 has a browser there too') if !HAS_HTTP2 && !$ENV{SESSION_CRYPTO_FULL};

# A file named after a status breaks the path of refreshes as a proxy does that answers by
# itself; `login` is the one that sends strangers to a login.
my $httpd = SessionCrypto::Httpd->new(
    name => 'device-browser', tls => 1, with => [qw(log_config rewrite)],
    echo => '^/none', handlers => qq(LuaMapHandler "^/(?!session-device|listed/session-device)" "$FindBin::Bin/conf/app.lua"),
    session => <<'SESSION', config => <<'CONFIG');
Session On
SessionEnv On
SessionHeader X-S
SessionCookieName __Host-session Path=/;Secure;HttpOnly;SameSite=Lax
SESSION
SessionCryptoPassphrase passphrase-of-device-tests
SessionCryptoDevice enforce
<Location "/session-device">
    SetHandler session-crypto-device
</Location>
# Cookies that live longer than the browser.
<Location "/kept">
    SessionMaxAge 3600
</Location>
# Few sites make the browser refresh.
<Location "/listed">
    SessionCryptoDevicePath /listed/session-device
    SessionCryptoDeviceCookie __Host-session-device
    SessionCryptoDeviceInitiators listed.test friend.test
</Location>
<Location "/listed/again">
    @LINE@
</Location>
<Location "/listed/session-device">
    SetHandler session-crypto-device
</Location>
# A browser keeps connections to each host, and each takes a process or a thread there.
<IfModule !mpm_event_module>
    KeepAliveTimeout 100ms
</IfModule>
CustomLog "@DIR@/access_log" "%m %U %>s %{Host}i %H"
RewriteEngine On
RewriteCond "@DIR@/404" -f
RewriteRule "^/session-device/refresh$" - [R=404]
RewriteCond "@DIR@/500" -f
RewriteRule "^/session-device/refresh$" - [R=500]
RewriteCond "@DIR@/login" -f
RewriteRule "^/session-device/refresh$" "/login" [R=302]
CONFIG
my ($line) = map { $_->{text} =~ /^(Header .*)/m } blocks('docs/directives.md', 'apache');
$httpd->{config} =~ s/\@LINE\@/$line/;
my $browser = SessionCrypto::DeviceBrowser->new($httpd);
plan(skip_all => 'this system has no chromium of version 145 or later') if !$browser;
$httpd->start;

subtest 'a login' => sub {
    my $shown = bind_at('login.test');
    is($shown->{user},  'joe', 'the session goes on');
    is($shown->{cookies},  '__Host-session', 'the application sees no cookie of ours');
    is($browser->cookie('login.test', $_)->{httpOnly}, 1, "no script sees $_") for BOUND, KEY;
};

subtest 'requests with an expired cookie' => sub {
    expire('login.test');
    my $asked = $browser->run(<<'END');
Promise.all([...Array(10).keys()].map((n) => fetch('/?' + n).then((answer) => answer.text())))
END
    is(scalar(grep { /user: joe\b/ && /device: bound\b/ } @$asked), 10, 'ten at once are bound');

    expire('login.test');
    my $shown = $browser->fetch('/', method => 'POST', body => 'a=b');
    is_deeply([@$shown{qw(device method body)}], [qw(bound POST a=b)], 'a form keeps its fields');
};

subtest 'a copy of its cookies on another machine' => sub {
    my $host = 'copied.test';
    bind_at($host);
    my ($session, $bound) = map { "$_=" . $browser->cookie($host, $_)->{value} } '__Host-session', BOUND;
    my $told = sub { return join ' ', $httpd->client(host => $host)->get('/', @_)->body =~ /^(?:user|device): (.*)$/mg };
    is($told->(Cookie => $session), ' refused', 'the session is worth nothing');
    is($told->(Cookie => "$session; $bound"), 'joe bound', 'with the bound cookie it works until that ends');
    my $shown = at($host, '/');
    is_deeply([@$shown{qw(user device)}], [qw(joe bound)], 'its owner goes on');
};

subtest 'requests beside the registration' => sub {
    log_in('busy.test');
    my $asked = $browser->run(<<'END');
(async () => {
    const all = [];
    for (let last = '', rounds = 0; !/device: bound/.test(last) && rounds < 1000; rounds++) {
        const round = await Promise.all([1, 2, 3].map((n) => fetch('/?' + n).then((answer) => answer.text())));
        all.push(...round);
        last = round[0];
    }
    return all;
})()
END
    my @told = map { join ' ', /^(?:user|device): (.*)$/mg } @$asked;
    is_deeply([grep { !/\Ajoe (?:un)?bound\z/ } @told], [], 'none is refused');
    is($told[-1], 'joe bound', 'and the session becomes bound');
};

subtest 'a restart of the browser' => sub {
    bind_at('restart.test', '/kept/');
    $browser = $browser->again;
    expire('restart.test');
    is(at('restart.test', '/kept/')->{device}, 'bound', 'it has its key still');
};

subtest 'a logout' => sub {
    bind_at('logout.test');
    is($browser->fetch('/out')->{device}, 'bound', 'the last request');
    is($browser->cookie('logout.test', $_), undef, "no $_ is left") for '__Host-session', BOUND, KEY;
    my $shown = at('logout.test', '/');
    is_deeply([@$shown{qw(user device)}], ['', ''], 'and no session');
    is(bind_at('logout.test')->{device}, 'bound', 'another login is bound');
};

subtest 'a login in the place of another' => sub {
    my $host = 'again.test';
    bind_at($host);
    is(at($host, '/in?user=jim')->{user}, 'jim', 'another user');
    is($browser->wait_for('creation', $host)->{ok}, 1, 'registers');
    $browser->fetch('/');
    my @refreshes = map { $browser->wait_for('refresh', $host)->{ok} } 1, 2;
    is_deeply([sort @refreshes], [0, 1], 'and refreshes, and the former session does no longer');
    my $shown = $browser->fetch('/');
    is_deeply([@$shown{qw(user device)}], [qw(jim bound)], 'the later one is bound');
};

subtest 'logins from other sites' => sub {
    my %way = (
        redirect => sub { '/link?' . $browser->url('provider.test', "/redirect?$_[0]") },
        form     => sub { "/form?$_[0]" },
    );
    for my $name (sort keys %way) {
        my $host = "$name.test";
        is(bind_by($host, sub {
            $browser->open($browser->url('provider.test', $way{$name}->($browser->url($host, '/in?user=joe'))));
            $browser->leave;
        })->{device}, 'bound', "by $name");
    }
};

subtest 'a link from another site' => sub {
    bind_at('link.test');
    expire('link.test');
    my $url = $browser->url('link.test', '/');
    $browser->open($browser->url('elsewhere.test', "/link?$url"));
    $browser->leave;
    $browser->arrive($url);
    my $shown = $browser->shown;
    is_deeply([@$shown{qw(user device)}], [qw(joe bound)], 'leads into a bound session');
};

subtest 'a link from a site that is not among the initiators' => sub {
    bind_at('listed.test', '/listed/');
    my $url = $browser->url('listed.test', '/listed/');
    for (['friend.test', 'joe', 'bound'], ['elsewhere.test', '', 'refused']) {
        my ($from, $user, $device) = @$_;
        expire('listed.test');
        $browser->open($browser->url($from, "/link?$url"));
        $browser->leave;
        $browser->arrive($url);
        my $shown = $browser->shown;
        is_deeply([@$shown{qw(user device skipped)}], [$user, $device, ''], "from $from");
    }
    my $shown = $browser->fetch('/listed/');
    is_deeply([@$shown{qw(user device)}], [qw(joe bound)], 'the next request is bound again');

    expire('listed.test');
    $url = $browser->url('listed.test', '/listed/again');
    $browser->open($browser->url('elsewhere.test', "/link?$url"));
    $browser->leave;
    $browser->arrive($url);
    # While one page follows another, there is none to look at.
    my $is_back = sub {
        $shown = eval { $browser->shown } // {};
        return ($shown->{user} // '') eq 'joe';
    };
    wait_until($is_back, SECONDS);
    is($shown->{device}, 'bound', 'the lines of the documentation bring it back by themselves');
};

for my $way (qw(404 500 login)) {
    subtest "refreshes never come through: $way" => sub {
        my $host = "never-$way.test";
        write_file($httpd->dir . "/$way", '');
        log_in($host);
        is($browser->wait_for('creation', $host)->{ok}, 1, 'a registration');
        is(at($host, '/')->{user}, 'joe', 'at once');
        is($browser->wait_for('refresh', $host)->{ok}, 0, 'and no refresh');
        expire($host);
        for (1, 2) {
            my $shown = at($host, '/');
            is_deeply([@$shown{qw(user device)}], [qw(joe unbound)], 'later');
        }
        unlink $httpd->dir . "/$way" or die "$way: $!\n";
    };
}

for my $way (qw(404 500 login)) {
    subtest "refreshes come through no longer: $way" => sub {
        my $host = "broken-$way.test";
        bind_at($host);
        write_file($httpd->dir . "/$way", '');
        expire($host);
        my $shown = at($host, '/');
        is_deeply([@$shown{qw(user device)}], ['', 'refused'], 'the session is out of reach');
        log_in($host);
        is($browser->shown->{user}, 'joe', 'a login works');
        is($browser->wait_for('creation', $host)->{ok}, 1, 'and registers');
        for (1, 2) {
            my $shown = at($host, '/');
            is_deeply([@$shown{qw(user device)}], [qw(joe unbound)], 'its session is there');
            expire($host);
        }
        unlink $httpd->dir . "/$way" or die "$way: $!\n";
    };
}

subtest 'refreshes fail for a while' => sub {
    bind_at('while.test');
    write_file($httpd->dir . '/500', '');
    expire('while.test');
    my $shown = at('while.test', '/');
    is_deeply([@$shown{qw(user device)}], ['', 'refused'], 'the session is out of reach');
    like($shown->{skipped}, qr/\Aserver_error;/, 'the browser says why');
    unlink $httpd->dir . '/500';
    $shown = at('while.test', '/');
    is_deeply([@$shown{qw(user device)}], [qw(joe bound)], 'and comes back by itself');
};

subtest 'the server is away for a while' => sub {
    bind_at('away.test');
    $httpd->stop;
    expire('away.test');
    is($browser->run("fetch('/').catch((error) => 'failed')"), 'failed', 'nobody answers');
    $httpd->start_again;
    my $shown = at('away.test', '/');
    is_deeply([@$shown{qw(user device)}], [qw(joe bound)], 'the session is there again');
};

subtest 'SessionCryptoDevice off' => sub {
    bind_at('off.test');
    $httpd->{config} =~ s/^SessionCryptoDevice enforce$/SessionCryptoDevice off/m;
    $httpd->stop;
    $httpd->start_again;
    expire('off.test');
    $browser->happenings;
    is(at('off.test', '/')->{user}, 'joe', 'the session goes on');
    is($browser->wait_for('termination', 'off.test')->{ok}, 1, 'the browser forgets its device');
    is($browser->cookie('off.test', $_), undef, "no $_ is left") for BOUND, KEY;
    is($browser->fetch('/')->{user}, 'joe', "request $_ after it") for 1 .. 3;
};

$browser->close;
$httpd->stop;
# One that bound the session, and the one that ended it; all answers are in the log now.
is(refreshes('off.test'), 2, 'no browser asks again');

# All answers are in the log now.
is(refreshes('login.test'), 3, 'one refresh after the registration, one for ten requests, and one for a form');
my @lines = split /\n/, read_file($httpd->dir . '/access_log');
my %protocol = map { m{^POST (?:/listed)?/session-device/(\w+) 200 .* (\S+)\z} ? ($1 => $2) : () } @lines;
my $protocol = HAS_HTTP2 ? 'HTTP/2.0' : 'HTTP/1.1';
is_deeply(\%protocol, { register => $protocol, refresh => $protocol }, "registrations and refreshes over $protocol");
# The other machine has no browser.
is_deeply([grep { !m{ (?:\Q$protocol\E|HTTP/1\.0)\z} } @lines], [], 'and all other requests');
$httpd->log->expect(qr/SC0842: refresh refused/, 'the refresh after the logout');
$httpd->log->expect(qr/SC0857: refresh ended/, 'the refresh after off');
$httpd->log->expect(qr/SC0821: session refused/, 'a session whose refresh failed');
$httpd->log->clean;

done_testing;

# Logs in at a host, and returns what the first page of the bound session shows.
sub bind_at {
    my ($host, $folder) = @_;
    $folder //= '/';
    return bind_by($host, sub { $browser->open($browser->url($host, "${folder}in?user=joe")) }, $folder);
}

# The same after another way to log in.
sub bind_by {
    my ($host, $log_in, $folder) = @_;
    $folder //= '/';
    $browser->happenings;
    $log_in->();
    $browser->arrive($browser->url($host, $folder));
    is($browser->wait_for('creation', $host)->{ok}, 1, "$host: registered");
    # The registration may come before the page or after it.
    $browser->fetch($folder);
    is($browser->wait_for('refresh', $host)->{ok}, 1, "$host: refreshed");
    is($browser->fetch($folder)->{device}, 'bound', "$host: bound");
    return $browser->fetch($folder);
}

sub log_in { return $browser->open($browser->url($_[0], '/in?user=joe')) }

sub at {
    my ($host, $path) = @_;
    $browser->open($browser->url($host, $path));
    return $browser->shown;
}

sub expire { return $browser->drop_cookie($_[0], BOUND) }

# The refreshes of a host that went well, of those in the log.
sub refreshes {
    my ($host) = @_;
    return scalar(() = read_file($httpd->dir . '/access_log') =~ m{^POST /session-device/refresh 200 \Q$host\E:}mg);
}
