# The pages say what httpd does:
#
#   ```apache          `httpd -t` accepts this block without a warning
#   ```apache fails    `httpd -t` fails on this block with the words that it gives
#   ```sh              these commands make the files that blocks name
#
# Each directive may stand where its page says and nowhere else, and `httpd -L` prints
# the page's words. tools/check-docs does the part that needs no httpd.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Engines      qw(need_engine);
use SessionCrypto::Httpd        ();
use SessionCrypto::Pages        qw(blocks directives pages);
use SessionCrypto::Startup      qw(inside);
use SessionCrypto::System       qw(read_file run);

# Pages whose commands make files for a configuration.
my @WITH_COMMANDS = qw(README.md docs/directives.md docs/rotation.md);
# A page whose blocks need more than files.
use constant HARDWARE => 'docs/hardware-tokens.md';
# A page that t/recipes.t, t/tpm.t and t/gssapi.t run.
use constant RECIPES => 'docs/recipes.md';

# A server whose directory has all files that the pages name. If a page has a command
# that makes a file, that command makes it here.
my $httpd = SessionCrypto::Httpd->new(name => 'documentation', session => '', accept => '');
my $dir   = $httpd->dir;
for my $name (qw(old new)) {
    my $pair = certificate($dir, $name, 'ec:P-256');
    rename $pair->{certificate}, "$dir/$name.crt" or die "$name.crt: $!\n";
}
$httpd->write_file('bin/session-passphrase', "#!/bin/sh\necho 0ZbXv2nS4mQ7rT9w0ZbXv2nS\n", 0755);
$httpd->write_file("$_/.keep", '') for qw(logs modules);
# Variables that the pages have programs get.
$ENV{$_} //= 'something' for qw(HOME PATH VAULT_ADDR VAULT_TOKEN);
symlink SessionCrypto::Httpd::module_path('ours'), "$dir/modules/mod_session_crypto_rs.so" or die "modules: $!\n";

# The command that makes key files.
my $command = SessionCrypto::Httpd::env('HTSESSION');
$ENV{PATH} = "$1:$ENV{PATH}" if $command =~ m{^(.+)/htsession\z};

my @pages = grep { $_ ne HARDWARE && $_ ne RECIPES } pages();
commands_work($httpd, $_) for @WITH_COMMANDS;
ok(-s "$dir/$_", "the commands make $_") for qw(session-keys session-passphrases session.crt session.key session.p8);
subtest 'a passphrase file whose last line has no end is changed by steps' => sub {
    my ($before, @steps) = map { $_->{text} } blocks('docs/rotation.md', 'sh', 'Change the passphrase');
    my $file = $httpd->write_file('steps/session-passphrases', 'old', 0600);
    my $run  = sub { run('sh', '-c', "set -e\ncd '$dir/steps'\n$_[0]") };
    $run->($before);
    chomp(my $new = read_file("$dir/steps/new-passphrase"));
    for my $lines ("old\n$new\n", "$new\nold\n", "$new\n") {
        $run->(shift @steps);
        is(read_file($file), $lines, 'a step has its lines');
        is((stat $file)[2] & 0777, 0600, 'and its owner alone reads them');
    }
    is(@steps, 0, 'there are no more steps');
};
cmp_ok(scalar(map { blocks($_, 'apache') } @pages), '>=', 15, 'the pages have blocks of configuration');
cmp_ok(scalar(map { blocks($_, 'apache fails') } @pages), '>=', 5, 'and some that are mistakes');
blocks_are_right($httpd, $_) for @pages;

# tools/first-hour has them with an application, on a fresh system.
subtest 'the lines of the first hour work' => sub {
    my ($lines) = map { $_->{text} } blocks('README.md', 'apache fresh');
    like($lines, qr/^ProxyPass /m, 'they are for an application');
    my $small = SessionCrypto::Httpd->new(
        name => 'documentation-readme', session => '', accept => '',
        config => $lines =~ s/^ProxyPass .*//mr =~ s{/var/lib/apache2/}{}r . "SessionHeader X-S\n");
    symlink "$dir/session-keys", $small->dir . '/session-keys' or die "session-keys: $!\n";
    $small->start;
    my $token = $small->client->get('/', 'X-S' => 'user=joe')->token // '';
    like($token, qr/\AeyJ[\w-]+(?:\.[\w-]+){4}\z/, 'a session goes out as JWE');
    like($small->client->get('/', session => $token)->body, qr/\buser=joe\b/, 'and comes back');
    $small->stop;
    $small->log->clean;
};

subtest HARDWARE() => sub {
    need_engine('pkcs11', 'libengine-pkcs11-openssl');
    my ($library) = grep { -e } '/usr/lib/softhsm/libsofthsm2.so' or plan(skip_all => 'no SoftHSM where the page says');
    my $with_token = SessionCrypto::Httpd->new(name => 'documentation-hardware', session => '', accept => '');
    $with_token->write_file('tokens/.keep', '');
    my $tokens = $with_token->dir . '/tokens';
    my $conf   = $with_token->write_file('softhsm2.conf', "directories.tokendir = $tokens\nlog.level = ERROR\n");
    local $ENV{SOFTHSM2_CONF}      = $conf;
    local $ENV{PKCS11_MODULE_PATH} = $library;
    commands_work($with_token, HARDWARE);
    cmp_ok(scalar(blocks(HARDWARE, 'apache')), '>=', 1, 'the page has configuration');
    blocks_are_right($with_token, HARDWARE);
};

# For each directive, the lines that it needs beside it, and an example of itself.
my %LINES = (
    SessionCryptoAccept             => ['SessionCryptoAccept SC0401'],
    SessionCryptoCertificateFile    => ['SessionCryptoCertificateFile session.crt', 'SessionCryptoCertificateKeyFile session.key'],
    SessionCryptoCertificateKeyFile => ['SessionCryptoCertificateKeyFile session.key', 'SessionCryptoCertificateFile session.crt'],
    SessionCryptoCipher             => ['SessionCryptoCipher aes-256-gcm'],
    SessionCryptoDevice             => ['SessionCryptoDevice required 2min'],
    SessionCryptoDeviceCookie       => ['SessionCryptoDeviceCookie __Secure-shop "Path=/shop; Secure; HttpOnly; SameSite=Lax"', 'SessionCryptoDevice offer'],
    SessionCryptoDeviceInitiators   => ['SessionCryptoDeviceInitiators login.example *.shop.example', 'SessionCryptoDevice offer'],
    SessionCryptoDeviceLifetime     => ['SessionCryptoDeviceLifetime 20min', 'SessionCryptoDevice offer'],
    SessionCryptoDevicePath         => ['SessionCryptoDevicePath /shop/device', 'SessionCryptoDevice offer'],
    SessionCryptoDigest             => ['SessionCryptoDigest SHA256'],
    SessionCryptoDriver             => ['SessionCryptoDriver openssl'],
    SessionCryptoEndSessionsFor     => ['SessionCryptoEndSessionsFor any'],
    SessionCryptoEngine             => ['SessionCryptoEngine provider:default'],
    SessionCryptoKeyFile            => ['SessionCryptoKeyFile session-keys'],
    SessionCryptoMaxLifetime        => ['SessionCryptoMaxLifetime 12h'],
    SessionCryptoNotBefore          => ['SessionCryptoNotBefore 2026-11-26T08:00:00Z'],
    SessionCryptoPassEnv            => ['SessionCryptoPassEnv PATH'],
    SessionCryptoPassphrase         => ['SessionCryptoPassphrase 0ZbXv2nS4mQ7rT9w0ZbXv2nS'],
    SessionCryptoPassphraseFile     => ['SessionCryptoPassphraseFile session-passphrases'],
    SessionCryptoPurpose            => ['SessionCryptoPurpose https://shop.example/'],
    SessionCryptoUserEntry          => ['SessionCryptoUserEntry login'],
    SessionCryptoRevocation         => ['SessionCryptoRevocation on'],
);
my %described = directives();
is_deeply([sort keys %LINES], [sort keys %described], 'each directive of the page is tried');
my %listed = listed();
is_deeply([sort keys %listed], [sort keys %described], '`httpd -L` has those of the page');

my %PLACES = (
    'server config' => sub { return "$_[0]\n" },
    'virtual host'  => sub { return inside('VirtualHost *', $_[0]) },
    'directory'     => sub { return inside('Directory @DIR@/htdocs/shop', $_[0]) },
);

# Lines beside those of a directive that would do nothing alone.
my %BESIDE = (SessionCryptoEndSessionsFor => "SessionCryptoRevocation on\n");
my %AFTER  = (SessionCryptoPassEnv => "SessionCryptoPassphrase 'exec:/bin/echo 0ZbXv2nS4mQ7rT9w0ZbXv2nS'\n");

# In .htaccess, AllowOverride decides.
my $server = SessionCrypto::Httpd->new(name => 'documentation-htaccess', session => '', config => <<'END');
<Location "/never">
    SessionCryptoEngine provider:default
</Location>
<Directory "@DIR@/htdocs/FileInfo">
    AllowOverride FileInfo
</Directory>
END
symlink "$dir/$_", $server->dir . "/$_" or die "$_: $!\n" for qw(session.crt session.key session-keys session-passphrases);
$server->write_file("htdocs/$_/page", '') for qw(AuthConfig FileInfo);
$server->start;

for my $name (sort keys %described) {
    my %field    = %{ $described{$name} };
    my %contexts = map { $_ => 1 } split /, /, $field{Context};
    my $lines    = join "\n", @{ $LINES{$name} // [] };
    subtest $name => sub {
        my $help = sprintf '%s - %s', $field{Syntax} =~ s/^`$name (.*)`$/$1/r, lcfirst($field{Description});
        is(lc($listed{$name} // ''), lc $help, '`httpd -L` prints its syntax and description');
        for my $place (sort keys %PLACES) {
            $httpd->{config} = ($BESIDE{$name} // '') . $PLACES{$place}->($lines) . ($AFTER{$name} // '');
            my ($ok, $output) = $httpd->check;
            is($ok ? 'accepted' : 'refused', $contexts{$place} ? 'accepted' : 'refused', "$place, as the page says") or diag($output);
        }
        my %allowed = map { $_ => $contexts{'.htaccess'} && $field{Override} eq $_ } qw(AuthConfig FileInfo);
        is($field{Override}, $contexts{'.htaccess'} ? 'AuthConfig' : 'not applicable', 'an override goes with .htaccess');
        for my $override (sort keys %allowed) {
            $server->write_file("htdocs/$override/.htaccess", "$lines\n");
            my $status = $server->client->get("/$override/page")->status;
            is($status, $allowed{$override} ? 200 : 500, ".htaccess under AllowOverride $override, as the page says");
        }
    };
}
$server->stop;
$server->log->expect(qr{\[core:alert\] .*/\.htaccess: SessionCrypto\w+ not allowed here}, 'directives that .htaccess cannot set');
$server->log->clean;

done_testing;

# Runs the commands of a page in the directory where a server looks for its files.
sub commands_work {
    my ($httpd, $page) = @_;
    # htsession does not write over a key file.
    unlink $httpd->dir . '/session-keys';
    for my $block (blocks($page, 'sh')) {
        next if $block->{text} =~ /htsession rekey/;    # t/rekey.t has the databases
        my $script = $httpd->write_file('script', "set -e\ncd '@{[$httpd->dir]}'\n$block->{text}");
        my $output = qx(sh '$script' 2>&1);
        is($?, 0, "$block->{where}: the commands work") or diag($output);
    }
    return;
}

# A configuration is right if httpd accepts it and this module does not warn of it.
sub blocks_are_right {
    my ($httpd, $page) = @_;
    for my $block (blocks($page, 'apache')) {
        my ($ok, $output) = check($httpd, $block);
        ok($ok, "$block->{where}: httpd -t accepts it") or diag($output);
        unlike($output, qr/\[session_crypto:/, "$block->{where}: and does not warn of it");
    }
    for my $block (blocks($page, 'apache fails')) {
        my ($words) = $block->{text} =~ /^# httpd -t says: (.+)$/m;
        my ($ok, $output) = check($httpd, $block);
        ok(!$ok, "$block->{where}: httpd -t refuses it");
        ok(defined $words, "$block->{where}: the block gives the message");
        like($output, qr/\Q$words\E/, "$block->{where}: which is right") if defined $words;
    }
    return;
}

sub check {
    my ($httpd, $block) = @_;
    my $loads = $block->{text} =~ /^LoadModule session_crypto_module /m;
    local $httpd->{module} = $loads ? 'none' : 'ours';
    $httpd->{config} = $block->{text};
    return $httpd->check;
}

# The help text of each directive of ours, by name.
sub listed {
    $httpd->{config} = '';
    $httpd->check;
    my ($program, $conf) = (SessionCrypto::Httpd::env('HTTPD'), $httpd->conf);
    my $output = qx('$program' -L -f '$conf' 2>&1);
    return $output =~ /^(SessionCrypto\w+) \(mod_session_crypto\.c\)\n\t(.*)$/mg;
}
