# `make demo` shows what it says: the commands that it prints work, a copy of the cookie
# ends with the logout, "Sign out everywhere" ends the sessions of each browser, and a session
# with TLS is bound to the device of its browser. In Chromium, a person signs in, reads the
# page, signs out, and signs out everywhere, and the status page tells of it.

use strict;
use warnings;

use Cwd  qw(abs_path);
use FindBin;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Browser  ();
use SessionCrypto::Client   ();
use SessionCrypto::Device   ();
use SessionCrypto::ErrorLog ();
use SessionCrypto::Httpd    ();
use SessionCrypto::Waiting  qw(wait_until);

use constant SECONDS => 60;

plan(skip_all => 'the demo has an MPM of its own: mpm_event') if SessionCrypto::Httpd::env('MPM') ne 'event';

my $TOP  = abs_path("$FindBin::Bin/..");
my $DIR  = SessionCrypto::Httpd::env('WORK') . '/demo';
my ($PORT, $TLS_PORT) = map { SessionCrypto::Httpd::free_port() } 1, 2;

my $HAS_TLS = SessionCrypto::Httpd::has_module('ssl');

my ($demo, $log);
END { stop() }

my $greeting = start();
my $client   = SessionCrypto::Client->new(port => $PORT, host => "127.0.0.1:$PORT");

subtest 'the commands that it prints' => sub {
    my @commands = $greeting =~ /^  (.*\n)/mg;
    my @printed  = split /\n/, run(join '', @commands);
    like(shift @printed // '', qr/\Asession=eyJ[\w-]+(?:\.[\w-]+){4}\z/, 'show the encrypted cookie');
    my ($says) = $greeting =~ /is worth nothing \((.*?)\)/;
    my $offer = $HAS_TLS ? pop @printed : '';
    is(join(', ', @printed), $says, 'and that a copy ends with the logout');
    like($offer, qr{\Asecure-session-registration: \(ES256 RS256\);path="/session-device/register"\z}i, 'and how a browser is asked for a key') if $HAS_TLS;
};

subtest 'the page' => sub {
    my $token = login();
    my $res   = $client->get('/private/', session => $token);
    like($res->body, qr/\bHello, demo\b/, 'greets the user');
    my ($began) = $res->body =~ /data-began="(\d+)"/;
    cmp_ok(abs(time - ($began // 0)), '<', SECONDS, 'says when the session began');
    my $lines = join '', map { slurp($_) } glob "$TOP/conf/*.conf";
    like($lines, qr/^\Q$_\E$/m, "$_ is in force") for $res->body =~ m{<code>(Session\w+ \w+)</code>}g;
    my ($command) = $res->body =~ m{<pre><code>(.*?)</code></pre>}s;
    is($command, "curl -sI http://127.0.0.1:$PORT/private/ -b session=$token", 'has a command with a copy of the cookie');
    like(run($command), qr{\AHTTP/1\.1 200 }, 'which works');
    is($client->get($_)->status, 200, "$_ is there") for $res->body =~ /(?:href|src)="(\/\w+\.\w+)"/g;

    my ($logout) = $res->body =~ m{href="(\S+)">Sign out<};
    like(answer($client->get($logout, session => $token)), qr{\A307 \S*/login\.shtml\?goodbye\z}, '"Sign out" leads to the form');
    like(run($command), qr{\AHTTP/1\.1 302 }, 'and ends the copy');
};

subtest 'other cookies of the browser' => sub {
    my $token   = login();
    my $cookies = "my_session=1; a=`id`; session=$token; z=<b>";
    my ($copy)  = $client->get('/private/', Cookie => $cookies)->body =~ /-b (\S+)<\/code>/;
    is($copy, "session=$token", 'are not in the command');
};

subtest 'sign out everywhere' => sub {
    my ($here, $there) = (login(), login());
    my ($form) = $client->get('/private/', session => $here)->body =~ /(<form id="everywhere".*?>)/;
    my ($action) = $form =~ /method="post" action="(\S+?)"/;
    my ($then)   = $form =~ /data-then="(\S+?)"/;
    is($client->post($action, '', session => $here, 'Sec-Fetch-Site' => 'same-origin')->status, 204, 'the form is answered');
    like($client->get($then)->body, qr/You are signed out everywhere/, 'the script goes on to a page that says so');
    is($client->get('/private/', session => $_)->status, 302, 'a session has ended') for $here, $there;
    is($client->get('/private/', session => login())->status, 200, 'a login after it makes one that goes on');
};

subtest 'in a browser' => sub {
    my ($here, $there) = map { browser("$DIR.$_") } qw(here there);
    plan(skip_all => 'this system has no chromium') if !$here;
    my ($status) = $greeting =~ /^Status +(\S+)$/m;
    my %count = read_status($here, $status);
    for my $browser ($here, $there) {
        $browser->open("http://127.0.0.1:$PORT/");
        is(at($browser, '/login.shtml'), 1, 'a stranger comes to the form');
        sign_in($browser);
        is($browser->run('document.querySelector("h1").textContent'), 'Hello, demo', 'and signs in');
        is($browser->run('document.cookie'), '', 'scripts do not see the cookie');
    }
    my $began = $here->run('document.getElementById("began").textContent');
    unlike($began, qr/Unix/, "the page tells the time in words: $began");
    click($here, 'a[href="/logout"]');
    is(at($here, '/login.shtml?goodbye'), 1, '"Sign out" leads to the form');
    like($here->run('document.querySelector("[role=status]").textContent'), qr/You are signed out/, 'which says so');
    $there->open("http://127.0.0.1:$PORT/private/");
    is(at($there, '/private/'), 1, 'the other browser goes on');
    $here->open("http://127.0.0.1:$PORT/private/");
    is(at($here, '/login.shtml'), 1, 'this one is out');
    sign_in($here);
    click($there, '#everywhere button');
    is(at($there, '/login.shtml?everywhere'), 1, '"Sign out everywhere" leads to the form');
    for my $browser ($here, $there) {
        $browser->open("http://127.0.0.1:$PORT/private/");
        is(at($browser, '/login.shtml'), 1, 'and both browsers are out');
    }
    my %now = read_status($here, $status);
    cmp_ok($now{$_}, '>', $count{$_}, "the status page counts: $_") for qw(opened ended);
    is(join(' ', map { $_->complaints } $here, $there), '', 'no page does anything wrong');
    $_->close for $here, $there;
};

subtest 'with TLS' => sub {
    plan(skip_all => 'this httpd has no mod_ssl') if !$HAS_TLS;
    like($greeting, qr{^With TLS +https://127\.0\.0\.1:$TLS_PORT/$}m, 'the demo says where');
    my $browser = SessionCrypto::Device->new(servers => [OverTls->new], host => "127.0.0.1:$TLS_PORT");
    like(answer($browser->post('/login', 'httpd_username=demo&httpd_password=demo')), qr{\A302 \S*/private/\z}, 'a login');
    like($browser->get('/private/')->body, qr/not bound to a device/, 'the page says that it is not bound');
    is_deeply([$browser->happenings], [['register', 'registered'], ['refresh', 'refreshed']], 'the browser registers, and refreshes');
    like($browser->get('/private/')->body, qr/is bound to the device/, 'then it says that it is');
    my $page = $browser->get('/private/')->body;
    my ($command) = $page =~ m{<pre><code>(.*?)</code></pre>}s;
    my $copy = $browser->cookies->value('__Host-session');
    is($command, "curl -ksI https://127.0.0.1:$TLS_PORT/private/ -b __Host-session=$copy", 'has a command with a copy of the cookie');
    like(run($command), qr{\AHTTP/[12][.1]* 302 }, 'which opens nothing');
    like(run("curl -sI http://127.0.0.1:$PORT/private/ -b session=$copy"), qr{\AHTTP/1.1 30[27] }, 'also without TLS');
    like($browser->get('/private/')->body, qr/\bHello, demo\b/, 'and the session goes on');
    $browser->get('/logout');
    is_deeply([$browser->cookies->names], ['__Host-session'], 'a logout leaves no cookie of the device');
};

subtest 'another demo' => sub {
    my $token = login();
    $client->get('/logout', session => $token);
    my $other = login();
    stop();
    $log->clean('the log of the first has nothing unexpected');
    start();
    is($client->get('/private/', session => $token)->status, 302, 'knows the sessions that have ended');
    is($client->get('/private/', session => $other)->status, 200, 'and those that have not');
};

stop();
$log->clean;

done_testing;

# Starts the demo, and returns what it prints.
sub start {
    my ($output, $error_log) = ("$DIR.out", "$DIR/run/error_log");
    unlink $output, $error_log;    # those of a demo before
    $log = SessionCrypto::ErrorLog->new($error_log);
    $log->expect(qr/session ended, the request goes on with an empty one/, 'copies');
    $log->expect(qr/SC0821: session refused/, 'a copy of a bound session');
    $log->expect(qr/SC0105: session refused/, 'the same without TLS');
    $log->expect(qr/AH01882/, 'mod_ssl and this module go with any OpenSSL of the system');
    $log->expect(qr/the sessions of a user are ended, in one record(?:, referer: \S+)?$/, 'sign out everywhere');
    $demo = fork // die "fork: $!\n";
    if (!$demo) {
        open STDOUT, '>', $output or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT;
        @ENV{qw(MODULE DEMO_DIR PORT TLS_PORT)} = (SessionCrypto::Httpd::env('MODULE'), $DIR, $PORT, $TLS_PORT);
        exec qw(setpriv --pdeathsig TERM), "$TOP/demo/run" or POSIX::_exit(127);
    }
    my $deadline = time + SECONDS;
    while (time < $deadline && waitpid($demo, POSIX::WNOHANG) == 0) {
        my $text = slurp($output);
        return $text if $text =~ /^Ctrl-C stops it/m;
        sleep 0.05;
    }
    die "the demo does not start:\n", slurp($output);
}

sub stop {
    my $pid = $demo or return;
    my $status = $?;
    undef $demo;
    my ($httpd) = slurp("$DIR/run/httpd.pid") =~ /(\d+)/;
    SessionCrypto::Httpd::wait_until_idle($httpd) if $httpd;
    kill TERM => $pid;
    waitpid $pid, 0;
    $? = $status;
    return;
}

# Logs in as the page does, and returns the token.
sub login {
    my $res = $client->post('/login', 'httpd_username=demo&httpd_password=demo');
    like(answer($res), qr{\A302 \S*/private/\z}, 'a login');
    return $res->token;
}

sub browser {
    my ($profile) = @_;
    mkdir $profile or die "$profile: $!\n" if !-d $profile;
    my $browser = eval { SessionCrypto::Browser->new($profile) };
    die $@ if $@;
    return $browser;
}

# Whether a browser comes to a page, and that is there as a whole.
sub at {
    my ($browser, $path) = @_;
    # The page before may go while it is asked.
    my $is = sub { (eval { $browser->run('document.readyState + " " + location.pathname + location.search') } // '') eq "complete $path" };
    return wait_until($is, SECONDS) ? 1 : $browser->run('location.href');
}

sub click {
    my ($browser, $selector) = @_;
    $browser->run("document.querySelector('$selector').click()");
    return;
}

# Fills in the form as a person does.
sub sign_in {
    my ($browser) = @_;
    # The page has the first field in focus by itself.
    wait_until(sub { $browser->run('document.activeElement.name') }, SECONDS);
    for my $field (qw(httpd_username httpd_password)) {
        $browser->run(qq(document.querySelector("[name=$field]").focus()));
        $browser->call('Input.insertText', text => 'demo');
    }
    click($browser, 'form button');
    is(at($browser, '/private/'), 1, 'the form leads to the page');
    return;
}

# The sessions that were opened, and those that have ended, as the status page tells them.
sub read_status {
    my ($browser, $url) = @_;
    $browser->open($url);
    my @rows = $browser->run('[...document.querySelectorAll("tr")].map((row) => [...row.children].map((cell) => cell.textContent))')->@*;
    my ($ended)  = map { $_->[1] } grep { $_->[0] =~ /^ended by a logout/ } @rows;
    my ($opened) = map { $_->[2] } grep { $_->[0] eq 'JWE with a key file' } @rows;
    return (opened => $opened, ended => $ended);
}

sub answer {
    my ($res) = @_;
    return join ' ', $res->status, $res->header('location');
}

sub run {
    my ($commands) = @_;
    open my $shell, '-|', 'sh', '-c', $commands or die "sh: $!\n";
    local $/;
    return scalar(<$shell>) // '';
}

sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    return scalar(<$file>) // '';
}

# The demo with TLS, as SessionCrypto::Device asks a server.
package OverTls;

sub new { return bless {}, $_[0] }

sub client {
    my ($self, %args) = @_;
    return SessionCrypto::Client->new(port => $TLS_PORT, tls => "$DIR/tls.pem", %args);
}
