package SessionCrypto::Httpd;

# An httpd that a test starts beside the one of Apache::Test: with the C module, with a
# configuration from a table, or with one that must not start at all.
#
#   my $c = SessionCrypto::Httpd->new(module => 'c', config => $fragment);
#   $c->start;
#   $c->client->get('/', 'X-S' => 'user=joe')->token;
#   $c->graceful;  $c->restart;               # a graceful restart; and all children are new
#   $c->log->clean;
#   $c->stop;  $c->freeze;  $c->crash;  $c->start_again;
#
#   my ($ok, $output) = SessionCrypto::Httpd->new(config => $fragment)->check;
#   my $ours = SessionCrypto::Httpd->main;    # the one that Apache::Test runs
#
# Arguments of `new`:
#
#   module      'ours', 'c', 'none' or the path of a shared object
#   config      lines; @DIR@ is the server's directory, and @DIR@/htdocs its document
#               root, where .htaccess files may use AuthConfig
#   without     modules not to load
#   with        modules to load beside those of every test
#   tls         1: the server speaks TLS alone, and HTTP/2 where the MPM can
#   load        'last' (after mod_session) or 'first'
#   handlers    LuaMapHandler lines that go before the one described below
#   echo        the URLs of that one
#   flags       words of the command line, in place of -DFOREGROUND
#   accept      codes of warnings that are not given; '' for none
#
# One Lua handler answers the requests. It copies the request header X-S to the response
# header X-S, from which mod_session takes a new session (SessionHeader). Its body is
# the session that it found (HTTP_SESSION).

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Socket::INET ();
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

use SessionCrypto::Certificates qw(server_certificate);
use SessionCrypto::Client       ();
use SessionCrypto::ErrorLog     ();
use SessionCrypto::Setup        qw(free_port);
use SessionCrypto::Waiting      qw(PATIENCE);

# A busy machine takes a while to derive some tens of JWE keys.
use constant { START_SECONDS => 60 * PATIENCE, STOP_SECONDS => 20 * PATIENCE };
# The patience with children that have something to do before a stop.
use constant IDLE_SECONDS => 10 * PATIENCE;

use constant ONE_CHILD => <<'END';
StartServers 1
ServerLimit 1
<IfModule mpm_prefork_module>
    MaxRequestWorkers 1
</IfModule>
<IfModule !mpm_prefork_module>
    ThreadsPerChild 25
    MaxRequestWorkers 25
</IfModule>
END

my %running;

# A setting that t/run puts into the environment. See there for each.
sub env {
    my ($name) = @_;
    return $ENV{"SESSION_CRYPTO_$name"} // die "SESSION_CRYPTO_$name is not set: start tests with t/run\n";
}

sub module_path {
    my ($which) = @_;
    return $which eq 'ours' ? env('MODULE') : $which eq 'c' ? env('C_MODULE') : $which;
}

sub new {
    my ($class, %args) = @_;
    my $self = bless {
        name   => $args{name}   // 'httpd',
        module => $args{module} // 'ours',
        config => $args{config} // '',
        handlers => $args{handlers} // '',
        echo     => $args{echo}     // '^/',
        flags    => $args{flags}    // ['-DFOREGROUND'],
        without  => $args{without}  // [],
        with     => $args{with}     // [],
        load     => $args{load}     // 'last',
        loglevel => $args{loglevel} // 'info session_crypto:debug',
        limits   => $args{one_child} ? ONE_CHILD : '',
        # Most tests ask for sessions without end, in cookies without attributes.
        accept   => $args{accept} // 'SC0402 SC0403',
        # A test that does not bring its own gets everything that mod_session needs.
        session => $args{session} // <<'END',
Session On
SessionEnv On
SessionHeader X-S
SessionCookieName session path=/
END
    }, $class;
    $self->{dir} = tempdir("$self->{name}XXXXXX", DIR => env('WORK'), CLEANUP => 0);
    chmod 0711, $self->{dir};
    make_path("$self->{dir}/htdocs");
    $self->speak_tls if $args{tls};
    return $self;
}

sub speak_tls {
    my ($self) = @_;
    $self->{tls} = server_certificate($self->{dir}, 'tls', '127.0.0.1');
    # mod_http2 does nothing under mpm_prefork, and says so.
    my $has_http2 = env('MPM') ne 'prefork' && has_module('http2');
    push @{ $self->{with} }, qw(socache_shmcb ssl), $has_http2 ? 'http2' : ();
    $self->{protocols} = $has_http2 ? 'Protocols h2 http/1.1' : '';
    return;
}

# Whether there is a module that can be loaded.
sub has_module {
    my ($name) = @_;
    return -e dirname(env('C_MODULE')) . "/mod_$name.so";
}

# The server that Apache::Test runs with the module under test: t/conf/httpd.conf.in.
sub main {
    my ($class) = @_;
    require Apache::Test;
    my $vars = Apache::Test::config()->{vars};
    my ($pid) = _slurp($vars->{t_pid_file}) =~ /(\d+)/;
    return bless {
        name => 'main', dir => $vars->{t_dir}, port => $vars->{port}, started_as => $pid,
        log => SessionCrypto::ErrorLog->new("$vars->{t_logs}/error_log"),
    }, $class;
}

sub dir    { return $_[0]{dir} }
sub htdocs { return "$_[0]{dir}/htdocs" }
sub conf   { return "$_[0]{dir}/httpd.conf" }
sub port   { return $_[0]{port} }
sub pid    { return $_[0]{pid} // $_[0]{started_as} }
sub log    { return $_[0]{log} }

# The file with the certificate of a server that speaks TLS.
sub certificate { return $_[0]{tls} && $_[0]{tls}{certificate} }

# `host` is the host name that requests ask for, to choose a virtual host.
sub client {
    my ($self, %args) = @_;
    return SessionCrypto::Client->new(port => $self->{port}, tls => $self->certificate, %args);
}

# Writes a file below the server's directory, and returns its path.
sub write_file {
    my ($self, $name, $text, $mode) = @_;
    my $path = "$self->{dir}/$name";
    my ($parent) = $path =~ m{^(.*)/};
    make_path($parent);
    open my $file, '>:raw', "$path.new" or die "$path.new: $!\n";
    print {$file} $text;
    close $file or die "$path.new: $!\n";
    chmod $mode, "$path.new" if defined $mode;
    rename "$path.new", $path or die "$path: $!\n";
    return $path;
}

# The processes of the server, without the parent.
sub children { return _children($_[0]->pid) }

sub _children {
    my ($parent) = @_;
    my @children;
    for my $stat (glob '/proc/[0-9]*/stat') {
        my ($pid, $state, $ppid) = _slurp($stat) =~ /^(\d+) \(.*\) (\w) (\d+)/s or next;
        push @children, $pid if $ppid == $parent && $state ne 'Z';
    }
    return sort { $a <=> $b } @children;
}

# Waits until each thread of a server's children sleeps: the work of the last request is
# over, which goes on for a moment after its answer. A child of mpm_event that is told to
# stop closes the sockets of its workers while a worker may be freeing them, and then dies
# of SIGSEGV.
sub wait_until_idle {
    my ($pid) = @_;
    my $deadline = time + IDLE_SECONDS;
    # A thread may sleep for a moment in the middle of its work.
    my $looks = 0;
    while ($looks < 3 && time < $deadline) {
        my @threads = map { glob "/proc/$_/task/*/stat" } _children($pid);
        $looks = (grep { _slurp($_) =~ /^\d+ \(.*\) [^S] /s } @threads) ? 0 : $looks + 1;
        sleep 0.005;
    }
    return;
}

# The process of the agent that SessionCryptoRevocation has with a store: the one child that
# leads a process group of its own.
sub agent {
    my ($self) = @_;
    my ($agent) = grep { getpgrp($_) == $_ } $self->children;
    return $agent;
}

# The status of the process, as wait(2) tells it, after a start that has failed, a `check`, a
# `stop`, or an end that `has_ended` has found.
sub status { return $_[0]{status} }

# Whether the server has ended without being asked to.
sub has_ended {
    my ($self) = @_;
    my $pid = $self->{pid} // return 1;
    return 0 if waitpid($pid, WNOHANG) != $pid;
    $self->{status} = $?;
    delete $running{$pid};
    delete $self->{pid};
    return 1;
}

# Runs `httpd -t`, and returns whether it accepts the configuration, and its output.
sub check {
    my ($self) = @_;
    $self->{port} //= 1;    # never listened on
    $self->write_conf;
    my ($httpd, $conf) = (env('HTTPD'), $self->conf);
    my $output = qx('$httpd' -t -f '$conf' 2>&1);
    $self->{status} = $?;
    return ($? == 0, $output);
}

sub start {
    my ($self) = @_;
    # Between finding a free port and listening on it, another may take it.
    for my $attempt (1 .. 5) {
        $self->{port} = free_port();
        return $self if $self->_start;
        my @log = $self->{log}->lines;
        next if grep { /Address already in use/ } @log;
        die "$self->{name} did not start:\n", map { "$_\n" } $self->{output}, @log;
    }
    die "$self->{name}: no free port\n";
}

# Starts once more, on the port that it had.
sub start_again {
    my ($self) = @_;
    return $self if $self->_start;
    die "$self->{name} did not start:\n", map { "$_\n" } $self->{output}, $self->{log}->lines;
}

sub _start {
    my ($self) = @_;
    $self->write_conf;
    my $stderr = "$self->{dir}/stderr";
    $self->{log} //= SessionCrypto::ErrorLog->new("$self->{dir}/error_log");
    $self->{log}->expect(qr/AH01849/, 'the C module found its crypto library');
    $self->{log}->expect(qr/AH01882/, 'mod_ssl and this module go with any OpenSSL of the system') if $self->{tls};
    $self->{log}->expect(qr/AH00161/, 'the one child of mpm_prefork is busy') if $self->{limits};
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDOUT, '>', $stderr;
        open STDERR, '>&', \*STDOUT;
        # In the foreground httpd is our own child: its pid is known at once,
        # and nobody else can be killed by mistake. mpm_prefork stops by
        # signalling its process group, which must not be ours.
        POSIX::setsid();
        exec env('HTTPD'), @{ $self->{flags} }, '-f', $self->conf or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    $running{$pid} = $self;
    my $deadline = time + START_SECONDS;
    while (time < $deadline) {
        if (waitpid($pid, WNOHANG) == $pid) {
            $self->{status} = $?;
            delete $running{$pid};
            delete $self->{pid};
            $self->{output} = _slurp($stderr);
            return 0;
        }
        return 1 if -e "$self->{dir}/httpd.pid" && $self->_listens;
        sleep 0.02;
    }
    $self->stop;
    $self->{output} = "not listening after @{[START_SECONDS]} s";
    return 0;
}

sub _listens {
    my ($self) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 1);
}

# Restarts gracefully, and returns when the new configuration is in force. Children of the
# former one may still answer. httpd drops a restart that is asked for during another one.
sub graceful {
    my ($self) = @_;
    $self->{log}->expect(qr/no process of a former configuration is left/, 'what follows a restart');
    my $before = $self->_restarts;
    kill USR1 => $self->{pid} or die "no httpd to restart\n";
    _wait_until(sub { $self->_restarts > $before });
    return;
}

# The graceful restarts that are done. The line at the end of a start may come after `start`.
sub _restarts {
    my ($self) = @_;
    my ($count, $is_asked) = (0, 0);
    for my $line ($self->{log}->lines(qr/[dD]oing (?:graceful )?restart|resuming normal operations/)) {
        $count++ if $is_asked && $line =~ /resuming/;
        $is_asked = $line =~ /oing/;
    }
    return $count;
}

# Restarts gracefully, and returns when no child of the former configuration is left.
sub restart {
    my ($self) = @_;
    my %former = map { $_ => 1 } $self->children;
    $self->graceful;
    _wait_until(sub { !grep { $former{$_} } $self->children });
    return;
}

sub _wait_until {
    my ($condition) = @_;
    my $deadline = time + START_SECONDS;
    until ($condition->()) {
        die "no restart within @{[START_SECONDS]} s\n" if time > $deadline;
        sleep 0.01;
    }
    return;
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    delete $running{$pid};
    wait_until_idle($pid);
    kill TERM => $pid;
    my $deadline = time + STOP_SECONDS;
    while (waitpid($pid, WNOHANG) == 0) {
        kill KILL => $pid if time > $deadline;
        sleep 0.02;
    }
    $self->{status} = $?;
    return;
}

# Has all processes hang. `crash` ends them.
sub freeze {
    my ($self) = @_;
    kill STOP => $self->pid, $self->children;
    return;
}

# Kills all processes at once, as the loss of a machine does, and returns when none is left.
sub crash {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    # A parent that goes on would make others meanwhile.
    kill STOP => $pid;
    my @processes = ($pid, _children($pid));
    kill KILL => @processes;
    waitpid $pid, 0;
    $self->{status} = $?;
    delete $running{$pid};
    # Children of a parent that is gone are zombies until init looks at them.
    _wait_until(sub { !grep { _slurp("/proc/$_/stat") =~ /^\d+ \(.*\) [^Z] /s } @processes });
    unlink "$self->{dir}/httpd.pid";
    return;
}

# The output of the last start.
sub stderr { return _slurp("$_[0]{dir}/stderr") }

# Leaves no server behind, whatever ends the test.
END {
    my $status = $?;
    $_->stop for values %running;
    $? = $status;
}
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

sub write_conf {
    my ($self) = @_;
    my $dir = $self->{dir};
    my @modules = _slurp(env('MODULES')) =~ /^(.*)$/mg;
    for my $name (@{ $self->{without} }) {
        @modules = grep { !/^LoadModule ${name}_module/ } @modules;
    }
    push @modules, map { sprintf 'LoadModule %s_module "%s/mod_%s.so"', $_, dirname(env('C_MODULE')), $_ }
        grep { has_module($_) } @{ $self->{with} };
    if ($self->{module} ne 'none') {
        my $load = sprintf 'LoadModule session_crypto_module "%s"', module_path($self->{module});
        @modules = $self->{load} eq 'first' ? ($load, @modules) : (@modules, $load);
    }
    my $modules = join "\n", @modules;
    my $lua     = env('LUA');
    my $accept  = $self->{accept} ? "SessionCryptoAccept $self->{accept}" : '';
    my $config  = $self->{config} =~ s/\@DIR\@/$dir/gr;
    my $tls     = $self->{tls} ? <<"END" : '';
SSLEngine on
SSLCertificateFile "$self->{tls}{certificate}"
SSLCertificateKeyFile "$self->{tls}{key}"
SSLSessionCache "shmcb:$dir/tls-sessions(512000)"
$self->{protocols}
END
    $self->write_file('httpd.conf', <<"END");
ServerRoot "$dir"
DefaultRuntimeDir "$dir"
PidFile "$dir/httpd.pid"
ErrorLog "$dir/error_log"
LogLevel $self->{loglevel}
ServerName 127.0.0.1
Listen 127.0.0.1:$self->{port}
$modules
$self->{limits}
${tls}DocumentRoot "$dir/htdocs"
<Directory "$dir/htdocs">
    AllowOverride AuthConfig
    Require all granted
</Directory>
LimitRequestFieldSize 2000000
<IfDirective SessionCryptoAccept>
    $accept
</IfDirective>
$self->{handlers}
LuaMapHandler "$self->{echo}" "$lua"
$self->{session}
# The fragment of the test
$config
END
    return;
}

sub _slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or return '';
    local $/;
    return <$file> // '';
}

1;
