# Warnings with a code are true: what they warn of happens.
#
#   SC0401   a session ends after as many seconds as the warning says
#   SC0403   httpd gives a cookie without attributes two of three
#   SC0404   the cookie has the password of a login form
#   SC0405   the log gets the cookie of a session or the password of a login form, and with
#            what the warning says to write, it does not. All modules at their highest level
#            write neither if they have the advice
#   SC0406   a backend gets the cookie of a session, unless the distribution has mended its version
#            of httpd, and with what the warning says to write,
#            it does not

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use SessionCrypto::Httpd   ();
use SessionCrypto::Startup qw(SECRET);

use constant PASSWORD => 'typed-by-a-user';

my $base = <<"END";
Session On
SessionMaxAge 1800
SessionCookieName session path=/;Secure;HttpOnly;SameSite=Lax
SessionCryptoPassphrase ${\SECRET}
SessionEnv On
SessionHeader X-S
<Location "/login">
    SetHandler form-login-handler
    AuthType form
    AuthName shop
    AuthFormProvider file
    AuthUserFile "\@DIR\@/users"
    Require all granted
</Location>
END

my ($modules) = SessionCrypto::Httpd::_slurp(SessionCrypto::Httpd::env('MODULES')) =~ m{"(.*)/mod_session\.so"};
my %load = map { $_ => "LoadModule ${_}_module $modules/mod_$_.so\n" } grep { defined $modules && -e "$modules/mod_$_.so" } qw(dumpio log_forensic);

# A level, other lines, and the secrets in the logs.
my %CASES = (
    'info'                    => ['info', ''],
    'core:debug'              => ['info core:debug', '', 'cookie'],
    'core:info'               => ['debug core:info', ''],
    'http:trace4'             => ['info http:trace4', '', 'cookie'],
    'http:trace3'             => ['info http:trace3', ''],
    'auth_form:trace1'        => ['info auth_form:trace1', '', 'password'],
    'auth_form:debug'         => ['info auth_form:debug', ''],
    'trace8'                  => ['trace8', '', 'cookie', 'password'],
    'trace8 with the advice'  => ['trace8 core:info http:info auth_form:info', ''],
    'a custom log'            => ['info', qq(CustomLog secrets_log "%{Cookie}i"\n), 'cookie'],
    'a custom log of answers' => ['info', qq(CustomLog secrets_log "%{Set-Cookie}o"\n), 'cookie'],
    'a custom log of one cookie' => ['info', qq(CustomLog secrets_log "%{session}C"\n), 'cookie'],
    'a custom log of the environment' => ['info', qq(CustomLog secrets_log "%{HTTP_SESSION}e"\n), 'password'],
    'a cookie that is taken off' => ['info', qq(SessionCookieRemove On\nCustomLog secrets_log "%{Cookie}i %{session}C"\n)],
    'the usual log'           => ['info', qq(CustomLog secrets_log "%h %l %u %t \\"%r\\" %>s %b"\n)],
    'a log of errors'         => ['info', qq(ErrorLogFormat "[%t] [%-m:%l] [pid %P:tid %T] %M %{Cookie}i"\n), 'cookie'],
    ($load{dumpio}
        ? ('dumpio:trace7'    => ['info dumpio:trace7', "$load{dumpio}DumpIOInput On\n", 'cookie', 'password'],
           # The pages of this test show the session.
           'dumpio:trace7 of answers' => ['info dumpio:trace7', "$load{dumpio}DumpIOOutput On\n", 'cookie', 'password'],
           'dumpio:trace6'    => ['info dumpio:trace6', "$load{dumpio}DumpIOInput On\nDumpIOOutput On\n"])
        : ()),
    ($load{log_forensic} ? ('a forensic log' => ['info', "$load{log_forensic}ForensicLog secrets_log\n", 'cookie']) : ()),
);

for my $name (sort keys %CASES) {
    my ($loglevel, $lines, @secrets) = @{ $CASES{$name} };
    subtest $name => sub {
        my $httpd = SessionCrypto::Httpd->new(name => 'startup-warnings-true', session => '', accept => '', one_child => 1, echo => '^/page',
            loglevel => $loglevel, config => $base . $lines);
        # The hash is that of PASSWORD.
        $httpd->write_file('users', 'joe:' . crypt(PASSWORD, '$5$salt') . "\n", 0644);
        $httpd->start;
        my $client = $httpd->client;
        my $login  = $client->post('/login', 'httpd_username=joe&httpd_password=' . PASSWORD)->token;
        $client->get('/page', session => $login);
        my $token = $client->get('/page', 'X-S' => 'user=joe')->token // '';
        like($client->get('/page', session => $token)->body, qr/joe/, 'a session comes back');
        # A line of the error log that belongs to a request.
        $client->get('/page', session => "junk$token");
        $httpd->stop;
        my $logs = join '', map { SessionCrypto::Httpd::_slurp($httpd->dir . "/$_") } qw(error_log secrets_log);
        my $warnings = () = $logs =~ /\[session_crypto:warn\] .*SC0405: /g;
        is($warnings, @secrets ? 1 : 0, @secrets ? 'httpd warns of it' : 'httpd warns of nothing');
        my %found = (cookie => scalar($logs =~ /\Q$token/), password => scalar($logs =~ /\Q${\PASSWORD}/));
        is_deeply([grep { $found{$_} } sort keys %found], \@secrets, @secrets ? "the logs have: @secrets" : 'the logs have no secret');
        my ($warning) = $logs =~ /SC0405: (.*LogLevel: .*)/ or return;
        is($warning =~ /the passwords that users type/ ? 1 : 0, $found{password} ? 1 : 0, 'the warning names passwords if there are any');
    };
}

subtest 'SessionMaxAge 1h' => sub {
    my $httpd = SessionCrypto::Httpd->new(name => 'startup-warnings-true', config => "SessionCryptoPassphrase ${\SECRET}\nSessionMaxAge 1h\n")->start;
    my ($warned) = map { /SC0401: .* is (\d+) of them/ } $httpd->log->lines;
    my $before   = time;
    my $token    = $httpd->client->get('/', 'X-S' => 'user=joe')->token;
    my ($expiry) = $httpd->client->get('/', session => $token)->body =~ /expiry=(\d+)/;
    is($warned, 1, 'is one second to the warning');
    cmp_ok($expiry / 1e6, '<=', time + 1, 'and to httpd');
    cmp_ok($expiry / 1e6, '>=', $before + 1, 'and no less');
    $httpd->stop;
};

subtest 'a cookie without attributes' => sub {
    my $httpd = SessionCrypto::Httpd->new(name => 'startup-warnings-true', accept => 'SC0402', session => "Session On\nSessionHeader X-S\nSessionCookieName session\n",
        config => "SessionCryptoPassphrase ${\SECRET}\n")->start;
    my ($warned) = map { /SC0403: .* goes out without (.*?):/ } $httpd->log->lines;
    my ($cookie) = $httpd->client->get('/', 'X-S' => 'user=joe')->header('set-cookie');
    is($warned, 'SameSite', 'lacks one');
    is(join(' and ', grep { $cookie !~ /;\s*$_\b/i } qw(Secure HttpOnly SameSite)), 'SameSite', 'which is the one that it lacks');
    $httpd->stop;
};

subtest 'a login form in clear' => sub {
    my $httpd = SessionCrypto::Httpd->new(name => 'startup-warnings-true', session => '', echo => '^/page', config => $base =~ s/^SessionCrypto.*$//mr);
    $httpd->write_file('users', 'joe:' . crypt(PASSWORD, '$5$salt') . "\n", 0644);
    $httpd->start;
    my $warnings = () = $httpd->log->lines(qr/SC0404: .*user's password in the session/);
    is($warnings, 1, 'has a warning');
    like($httpd->client->post('/login', 'httpd_username=joe&httpd_password=' . PASSWORD)->token, qr/pw=${\PASSWORD}/, 'and the password is in the cookie');
    $httpd->stop;
};

# A page that is not there leads to the backend.
for my $case (['differs between sections', ''], ['is on outside of all sections', "SessionCookieRemove On\n"]) {
    my ($name, $lines) = @$case;
    subtest "SessionCookieRemove $name" => sub {
        my $httpd = SessionCrypto::Httpd->new(name => 'startup-warnings-true', accept => 'SC0403', echo => '^/(?:page|backend)',
            config => "SessionMaxAge 1800\nSessionCryptoPassphrase ${\SECRET}\nErrorDocument 404 /backend\n$lines" . <<'END')->start;
<Location "/backend">
    SessionCookieRemove On
    # Shows what the backend would get.
    Header always echo Cookie
</Location>
END
        my $token = $httpd->client->get('/page', 'X-S' => 'user=joe')->token;
        my $res   = $httpd->client->get('/missing', session => $token);
        is($res->status, 404, 'a redirect inside the server');
        # httpd 2.4.71 itself loses the session if the first section takes the cookie away.
        like($res->body, qr/user=joe/, 'with the session') if !$lines;
        my $warnings = () = $httpd->log->lines(qr/\[session_crypto:warn\] .*SC0406: /);
        # A distribution may have mended a version that the warning goes by.
        cmp_ok(scalar(() = $res->header('cookie')), '<=', $warnings, 'if the backend gets the cookie, httpd warns');
        is($warnings, 0, 'httpd warns of nothing') if $lines;
        $httpd->stop;
    };
}

done_testing;
