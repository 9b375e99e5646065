# SC0405 is true: the logs that it warns of get the cookie of a session or the password of
# a login form, and with what it says to write, they do not. All modules at their highest
# level write neither if they have the advice.

use strict;
use warnings;

use Test::More;

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
        my $httpd = SessionCrypto::Httpd->new(name => 'startup-logs', session => '', accept => '', one_child => 1, echo => '^/page',
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

done_testing;
