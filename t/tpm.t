# A passphrase that a TPM holds, as docs/recipes.md has it: httpd starts where the TPM gives it,
# and nowhere else. The blobs on the disk are of no use to another TPM, and after another boot
# the TPM gives nothing. A credential of systemd that is encrypted for the TPM is the same.
#
# swtpm is the TPM. Between the page's commands the objects are flushed, as the kernel does for
# each that opens /dev/tpmrm0.

use strict;
use warnings;

use File::Path       qw(make_path);
use IO::Socket::INET ();
use POSIX            ();
use Test::More;

use SessionCrypto::Engines qw(is_rejected);
use SessionCrypto::Httpd   ();
use SessionCrypto::Recipes qw(need_systemd_creds);
use SessionCrypto::System  qw(need_program read_file run);
use SessionCrypto::Waiting qw(wait_until);

need_program('swtpm',       'swtpm');
need_program('tpm2_unseal', 'tpm2-tools');

use constant { FLUSH => 'tpm2_flushcontext -t', SECONDS => 20 };

my $httpd  = SessionCrypto::Httpd->new(name => 'tpm');
my $dir    = $httpd->dir;
my $tpm    = start_tpm("$dir/tpm");
local $ENV{TPM2TOOLS_TCTI} = $tpm->{tcti};
my $recipe = SessionCrypto::Recipes->new($httpd, 'A passphrase from a TPM', 'device:/dev/tpmrm0' => $tpm->{tcti});
my ($make) = map { s/\n/\n${\FLUSH}\n/gr } $recipe->texts('sh');
$recipe->works($make, 'a secret');

my ($unseal) = $recipe->config =~ /"exec:([^"]+)"/ or die "the page runs no program\n";
my $secret = qx($unseal);
like($secret, qr{^[\w+/]{43}=\n\z}, 'the TPM gives 32 bytes');
chomp $secret;
is(scalar(grep { index(read_file($_), $secret) >= 0 } grep { -f } glob "$dir/*"), 0, 'no file has them but the chip');
my $other = start_tpm("$dir/other-tpm");
ok(loads($tpm, "$dir/primary.ctx"), 'its TPM loads the blobs of the disk');
ok(!loads($other, "$dir/primary.ctx"), 'another one does not');
{
    local $ENV{TPM2TOOLS_TCTI} = $other->{tcti};
    run(qw(tpm2_createprimary -Q -C o -c), "$dir/other.ctx");
}
ok(!loads($other, "$dir/other.ctx"), 'under a key of its own neither');

$httpd->{config} = $recipe->config;
$httpd->start;
my $first = seal();
like($first, qr/\AeyJ/, 'httpd seals under the secret');
my $twin = SessionCrypto::Httpd->new(name => 'tpm-twin', config => "SessionCryptoPassphrase $secret\nSessionCryptoCipher aes-256-gcm")->start;
is($twin->client->get('/', session => $first)->body, 'user=joe', 'and under no other');
$twin->stop;
$twin->log->clean;

# A new secret, in three steps.
my $second = $recipe->config =~ s/0x81010001/0x81010002/r =~ s/^(?!SessionCryptoPassphrase ).*\n//gmr;
$recipe->works($make =~ s/0x81010001/0x81010002/r, 'another secret');
for my $step ([$recipe->config . $second, 'new secret second'], [$recipe->config =~ s/^(?=SessionCryptoPassphrase )/$second/mr, 'new secret first']) {
    ($httpd->{config}, my $name) = @$step;
    $httpd->write_conf;
    $httpd->restart;
    is($httpd->client->get('/', session => $first)->body, 'user=joe', "$name: no session is lost");
}
my $newer = $httpd->client->get('/', session => $first)->token;
ok(defined $newer, 'the session is saved under the new one');
run(qw(tpm2_evictcontrol -Q -C o -c 0x81010001));
$httpd->{config} = $recipe->config =~ s/0x81010001/0x81010002/r;
$httpd->write_conf;
$httpd->restart;
is($httpd->client->get('/', session => $newer)->body, 'user=joe', 'and opens when the old one has gone');

# Another boot: another state of Secure Boot.
run('tpm2_pcrextend', '7:sha256=' . '01' x 32);
is_rejected($httpd, 'another PCR 7', 'SessionCryptoPassphrase', 'tpm2_unseal failed');
is($httpd->client->get('/', session => $newer)->body, 'user=joe', 'httpd goes on as it is');
stop_tpm($tpm);
is_rejected($httpd, 'no TPM', 'SessionCryptoPassphrase', 'tpm2_unseal failed');
$tpm = start_tpm("$dir/tpm", $tpm->{port});
my ($ok, $output) = $httpd->check;
ok($ok, 'after the right boot, it starts') or diag($output);

subtest 'a credential of systemd' => sub {
    local %ENV = %ENV;
    need_systemd_creds($dir);
    my @device = "--tpm2-device=$tpm->{tcti}";
    $httpd->write_file('session-keys', 'keys', 0600);
    run(split ' ', FLUSH);
    run(qw(systemd-creds encrypt --with-key=host+tpm2 --name=session-keys), @device, "$dir/session-keys", "$dir/stored");
    my $decrypted = sub { return eval { run(qw(systemd-creds decrypt --name=session-keys), @_, "$dir/stored", '-') } // '' };
    like($decrypted->(@device), qr/keys/, 'this TPM decrypts it');
    is($decrypted->("--tpm2-device=$other->{tcti}"), '', 'and another does not');
};

stop_tpm($_) for $tpm, $other;
$httpd->stop;
$httpd->log->clean;

done_testing;

# Whether a TPM loads what lies on the disk, under a key of it.
sub loads {
    my ($at, $parent) = @_;
    local $ENV{TPM2TOOLS_TCTI} = $at->{tcti};
    run(split ' ', FLUSH);
    return eval { run(qw(tpm2_load -Q -C), $parent, '-u', "$dir/secret.pub", '-r', "$dir/secret.priv", '-c', "$dir/loaded.ctx"); 1 };
}

sub seal { return $httpd->client->get('/', 'X-S' => 'user=joe')->token // '' }

# A TPM with its state in a directory, which begins as after a boot. tpm2-tss finds the port of
# its control one above that of its commands.
sub start_tpm {
    my ($state, $port) = @_;
    make_path($state);
    for my $attempt (1 .. 10) {
        my $at  = $port // SessionCrypto::Httpd::free_port();
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            open STDOUT, '>', "$state.log";
            open STDERR, '>&', \*STDOUT;
            exec 'swtpm', 'socket', '--tpm2', '--tpmstate', "dir=$state", '--flags', 'not-need-init,startup-clear',
                '--server', "type=tcp,port=$at,bindaddr=127.0.0.1", '--ctrl', 'type=tcp,bindaddr=127.0.0.1,port=' . ($at + 1)
                or POSIX::_exit(127);
        }
        my $has_ended = 0;
        my $listens = wait_until(sub {
            $has_ended = waitpid($pid, POSIX::WNOHANG) == $pid;
            return $has_ended || IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $at + 1);
        }, SECONDS);
        return { pid => $pid, port => $at, tcti => "swtpm:host=127.0.0.1,port=$at" } if $listens && !$has_ended;
        stop_tpm({ pid => $pid }) if !$has_ended;
    }
    die "no TPM: " . read_file("$state.log");
}

sub stop_tpm {
    my ($tpm) = @_;
    my $pid = delete $tpm->{pid} // return;
    kill TERM => $pid;
    waitpid $pid, 0;
    return;
}

END {
    my $status = $?;
    stop_tpm($_) for grep { defined } $tpm, $other;
    $? = $status;
}
